"""Exact contributions: parts of a layer's output that add up to it, and say how closely."""
