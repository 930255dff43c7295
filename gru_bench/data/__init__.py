"""From bytes to arrays: NumPy only, never JAX."""
