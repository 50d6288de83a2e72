"""Where the tokens of a clip stand."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from analysis.ops.scan_order import inverse_permutation, sequence_permutation


@dataclass(frozen=True)
class TokenGrid:
    """A grid of t x h x w patch tokens behind one CLS token at index 0.

    Patch (frame, row, column) is token 1 + (frame * h + row) * w + column of the sequence.
    """

    t: int
    h: int
    w: int

    class_tokens: ClassVar[int] = 1

    @property
    def patches(self) -> int:
        """Number of patch tokens."""
        return self.t * self.h * self.w

    @property
    def length(self) -> int:
        """L: number of tokens with CLS."""
        return self.class_tokens + self.patches

    def sequence(self, order: str, device: torch.device | str = "cpu") -> tuple[Tensor, Tensor]:
        """Which token is read when in a token order, and the way back: both (L,), CLS first."""
        read, back = sequence_permutation(order, self.t, self.h, self.w, self.class_tokens)
        return read.to(device), back.to(device)

    def reads_in_place(self, order: str) -> bool:
        """Whether a token order is the canonical one, so that nothing has to move."""
        return order == "spatial_first"


class ClassFreeGrid(TokenGrid):
    """A grid without CLS: patch (frame, row, column) is token (frame * h + row) * w + column."""

    class_tokens: ClassVar[int] = 0


class MiddleClassGrid(TokenGrid):
    """A grid whose CLS is read between the first and the second half of the patches.

    As Vim does (arXiv 2401.09417; `use_middle_cls_token` of its code). CLS is token 0 all the same.
    """

    def sequence(self, order: str, device: torch.device | str = "cpu") -> tuple[Tensor, Tensor]:
        """As for any grid, CLS in the middle: it is token `patches // 2` to be read."""
        read, _ = super().sequence(order, device)
        cls, first, second = read.split([1, self.patches // 2, self.patches - self.patches // 2])
        read = torch.cat([first, cls, second])
        return read, inverse_permutation(read)

    def reads_in_place(self, order: str) -> bool:
        """Never: CLS moves."""
        return False
