"""Several followers who plan: a commitment leaves them a Markov game, and they come to a joint policy."""
