"""What things cost: time and memory, measured beside their peers in one run."""
