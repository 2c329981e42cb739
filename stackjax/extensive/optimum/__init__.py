"""The best that a leader can get in a game in extensive form, exactly or as a bound. NumPy and SciPy."""
