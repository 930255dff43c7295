"""Recordings of sound: WAV files, and their spectral features."""
