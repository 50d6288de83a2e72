"""Where an answer comes from: contributions, maps of every method, and how far to trust them."""
