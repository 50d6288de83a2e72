"""Where the tokens of a clip stand."""

from dataclasses import dataclass

import torch
from torch import Tensor

from analysis.ops.scan_order import sequence_permutation


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

    def sequence(self, order: str, device: torch.device | str = "cpu") -> tuple[Tensor, Tensor]:
        """Which token is read when in a token order, and the way back: both (L,), CLS first."""
        read, back = sequence_permutation(order, self.t, self.h, self.w)
        return read.to(device), back.to(device)
