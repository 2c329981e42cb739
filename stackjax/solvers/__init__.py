"""Searches for a good commitment, each as a `Solver`: pure functions of a state that know a problem by `Problem` only."""
