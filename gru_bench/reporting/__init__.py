"""Tables, CSV files and figures of what runs recorded; never reaches JAX."""
