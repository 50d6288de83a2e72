"""What can go wrong with a measurement, in one sentence for people."""


class ProfilingError(Exception):
    """A measurement that cannot be made as asked; its text is one readable sentence."""
