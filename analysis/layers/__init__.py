"""Layers: the bidirectional mixer, the block around it, and the way from pixels to tokens."""
