"""Where the tokens of a clip stand."""

from dataclasses import dataclass


@dataclass(frozen=True)
class TokenGrid:
    """A grid of t x h x w patch tokens behind one CLS token at index 0.

    Patch (frame, row, column) is token 1 + (frame * h + row) * w + column of the sequence.
    """

    t: int
    h: int
    w: int

    @property
    def patches(self) -> int:
        """Number of patch tokens."""
        return self.t * self.h * self.w

    @property
    def length(self) -> int:
        """L: number of tokens with CLS."""
        return 1 + self.patches
