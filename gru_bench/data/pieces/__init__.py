"""Polyphonic pieces."""
