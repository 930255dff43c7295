"""Dialogues: replies and the turns before them."""
