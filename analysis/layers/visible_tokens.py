"""The tokens that a mask leaves, in any scan order."""

from functools import cached_property

import torch
from torch import Tensor

from analysis.layers.token_grid import TokenGrid


class VisibleTokens:
    """Where the tokens stand that a mask leaves of a batch of clips.

    They move together: what is hidden is not there for the layers, and visible tokens with hidden
    ones between them become neighbours (VideoMamba paper, section 3.4).
    """

    def __init__(self, grid: TokenGrid, mask: Tensor):
        """`mask` is bool (B, 1 + t*h*w), True = hidden.

        Raises ValueError, one sentence, for a mask that does not fit the grid, hides CLS, or
        leaves more of one clip than of another.
        """
        if mask.dtype != torch.bool or mask.ndim != 2 or mask.shape[1] != grid.length:
            raise ValueError(
                f"a mask of (B, {grid.length}) true or false values was expected, got "
                f"{tuple(mask.shape)} of {mask.dtype}"
            )
        hidden = mask.sum(1)
        if mask[:, 0].any() or (hidden != hidden[0]).any():
            raise ValueError("a mask has to leave CLS and as many tokens of every clip of a batch")
        self.grid, self.mask = grid, mask
        self._sequences: dict[str, tuple[Tensor, Tensor]] = {}

    @cached_property
    def index(self) -> Tensor:
        """Token numbers (B, V) of what is left, in canonical order."""
        return (~self.mask).nonzero()[:, 1].view(len(self.mask), -1)

    def of(self, tokens: Tensor) -> Tensor:
        """The visible ones (B, V, D) of all tokens (B, L, D); one clip serves all masks."""
        return tokens.take_along_dim(self.index[..., None], dim=1)

    def reads_in_place(self, order: str) -> bool:
        """Whether a token order is the canonical one, so that nothing has to move."""
        return self.grid.reads_in_place(order)

    def sequence(self, order: str, device: torch.device | str = "cpu") -> tuple[Tensor, Tensor]:
        """Which visible token is read when in a token order, and the way back: both (B, V)."""
        if order not in self._sequences:
            read, _ = self.grid.sequence(order, self.mask.device)
            # Numbers among the visible, asked in the order in which the whole grid is read.
            number = (~self.mask).cumsum(1) - 1
            seen = number[:, read][~self.mask[:, read]].view(len(self.mask), -1)
            self._sequences[order] = seen, seen.argsort(1)
        read, back = self._sequences[order]
        return read.to(device), back.to(device)
