"""Game + followers = the leader's environment."""
