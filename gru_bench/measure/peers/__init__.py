"""The same layer in other libraries. Each file alone imports its library, and is imported only when it is timed."""
