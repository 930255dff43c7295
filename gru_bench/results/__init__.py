"""From run records to numbers with intervals; reads files only and never reaches JAX."""
