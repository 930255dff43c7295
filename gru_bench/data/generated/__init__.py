"""Data that is computed."""
