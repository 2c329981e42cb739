"""A run, and a sweep of runs, from start to end."""
