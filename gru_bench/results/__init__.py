"""From run records to statistics; reads only files and never imports JAX."""
