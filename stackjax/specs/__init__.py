"""What a run and a sweep are, as typed values and as config.json. Free of JAX."""
