"""Where the tokens of a sequence stand: index to (frame, row, column) or CLS, through any order.

Canonical index order is that of the models: CLS at 0, then frames, rows, columns. A grid without
CLS begins with its first patch.
"""

import torch
from torch import Tensor

from analysis.layers.token_grid import TokenGrid

CLS_INDEX = 0
"""Where the models of this project that have a CLS token keep it."""


def token_index(grid: TokenGrid, t: int, h: int, w: int) -> int:
    """Sequence index of the patch in frame t, row h, column w of the token grid.

    Raises ValueError, one sentence, when it lies outside of the grid.
    """
    for name, value, size in (("frame", t, grid.t), ("row", h, grid.h), ("column", w, grid.w)):
        if not 0 <= value < size:
            raise ValueError(
                f"{name} {value} is not on the token grid of {grid.t} x {grid.h} x {grid.w}; "
                f"choose 0 to {size - 1}"
            )
    return grid.class_tokens + (t * grid.h + h) * grid.w + w


def token_position(grid: TokenGrid, index: int) -> tuple[int, int, int] | None:
    """(t, h, w) of a sequence index, None for a CLS token.

    Raises ValueError when the sequence has no such token.
    """
    checked_index(grid, index)
    if index < grid.class_tokens:
        return None
    row, column = divmod(index - grid.class_tokens, grid.w)
    frame, row = divmod(row, grid.h)
    return frame, row, column


def checked_index(grid: TokenGrid, index: int) -> int:
    """The index itself. Raises ValueError when the sequence has no such token."""
    if not 0 <= index < grid.length:
        first = "0 (CLS)" if grid.class_tokens else "0"
        raise ValueError(
            f"token {index} is not in a sequence of {grid.length} tokens; "
            f"choose {first} to {grid.length - 1}"
        )
    return index


def parse_token(text: str, grid: TokenGrid) -> int:
    """Sequence index of "cls" or "t,h,w".

    Raises ValueError, one sentence, for anything else, for places outside of the grid, and for CLS
    where there is none.
    """
    if text.strip().lower() == "cls":
        if not grid.class_tokens:
            raise ValueError("this model scans no CLS token; name a patch such as 2,3,4")
        return CLS_INDEX
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != 3 or not all(part.isdecimal() for part in parts):
        raise ValueError(f"a token is frame,row,column such as 2,3,4, or cls; got {text!r}")
    return token_index(grid, *map(int, parts))


def token_coordinates(grid: TokenGrid) -> Tensor:
    """(t, h, w) of every token: LongTensor (L, 3), -1 in all three for CLS."""
    axes = torch.meshgrid(*(torch.arange(n) for n in (grid.t, grid.h, grid.w)), indexing="ij")
    patches = torch.stack([axis.flatten() for axis in axes], dim=1)
    return torch.cat([torch.full((grid.class_tokens, 3), -1), patches])


def frame_groups(grid: TokenGrid) -> Tensor:
    """The partition of the tokens into frames of the token grid: LongTensor (L,).

    Patches carry their frame 0..t-1; CLS is a group of its own, t.
    """
    groups = token_coordinates(grid)[:, 0]
    groups[: grid.class_tokens] = grid.t
    return groups


def on_grid(values: Tensor, grid: TokenGrid) -> Tensor:
    """Values of the tokens (L, ...) in canonical order as (t, h, w, ...), without CLS."""
    return values[grid.class_tokens :].unflatten(0, (grid.t, grid.h, grid.w))


def cls_of(values: Tensor, grid: TokenGrid) -> float | None:
    """The CLS token's one of values (L,), None where there is none."""
    return float(values[CLS_INDEX]) if grid.class_tokens else None


def scan_positions(token_order: str, direction: str, grid: TokenGrid) -> Tensor:
    """Sequence index read at each step of a scan: LongTensor (L,).

    direction: "forward" reads the token order from its first token, "backward" from its last. CLS
    stays at the place that the grid gives it, in most the first, so a backward scan reads it last.
    """
    positions, _ = grid.sequence(token_order)
    return positions.flip(0) if direction == "backward" else positions.clone()
