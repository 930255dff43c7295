"""Streams of symbols: vocabulary, corpus, text files."""
