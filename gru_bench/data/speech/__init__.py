"""Recordings of speech with transcripts: container, own files, language model, baselines."""
