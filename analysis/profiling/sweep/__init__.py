"""Cost as curves: time and peak memory over size, each point in a process of its own."""
