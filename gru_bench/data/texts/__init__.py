"""Labelled texts: words, classes, splits, tables of texts."""
