"""Videos with captions."""
