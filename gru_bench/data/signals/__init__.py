"""Labelled sequences of real values."""
