"""The rules: games, payoffs only."""
