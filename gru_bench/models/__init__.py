"""Cells, the recurrence over time, networks, their initial weights and their sizes."""
