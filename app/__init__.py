"""The browser app: lays out widgets, shows what `analysis` computed, computes nothing itself."""
