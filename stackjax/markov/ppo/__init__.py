"""The learner that the family brings: PPO on the leader's episodes with queries."""
