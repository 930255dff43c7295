"""Where bytes become arrays: NumPy only, never JAX."""
