"""Sequences that test memory."""
