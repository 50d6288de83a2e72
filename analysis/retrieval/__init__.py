"""Retrieval: which text goes with which video, and how often a model finds it."""
