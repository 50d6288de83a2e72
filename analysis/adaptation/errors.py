"""What cannot be asked of an adapted model."""


class AdaptationError(ValueError):
    """A question about an adapted model that has no answer; the message is one sentence."""
