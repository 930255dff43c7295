"""The recurrence over time, networks, their initialisers and sizes."""
