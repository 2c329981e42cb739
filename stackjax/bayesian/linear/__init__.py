"""One follower with types, payoffs linear in what the leader commits to: exact answers, optima, bounds; no JAX."""
