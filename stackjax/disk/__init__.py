"""What a run leaves on disk: its directory, metrics, checkpoints and policies."""
