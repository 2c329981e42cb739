"""Plain NumPy references, written from the paper and independent of the package."""
