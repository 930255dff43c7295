"""Sentences with a tag per word and perhaps a class each: container, own files, baselines."""
