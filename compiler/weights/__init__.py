"""Trained weights: bound to a graph, listed, written, and adapted from other libraries' files."""
