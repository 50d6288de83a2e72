"""Camera moves: the clips, the photographs under them, and scores on rendered and real files."""
