"""Sets of tokens of a sequence, bool (L,) with CLS first, by what they are in the picture."""

from collections.abc import Sequence

import torch
from torch import Tensor

from analysis.attribution.method import AttributionError
from analysis.layers.token_grid import TokenGrid


def no_tokens(grid: TokenGrid) -> Tensor:
    """The empty set."""
    return torch.zeros(grid.length, dtype=torch.bool)


def all_tokens(grid: TokenGrid) -> Tensor:
    """Every token, CLS too."""
    return ~no_tokens(grid)


def cls_token(grid: TokenGrid) -> Tensor:
    """CLS alone."""
    return _with(no_tokens(grid), [0])


def patch_token(grid: TokenGrid, t: int, h: int, w: int) -> Tensor:
    """The one token at (t, h, w). Raises AttributionError outside the grid."""
    return region_tokens(grid, [t], [h], [w])


def frame_tokens(grid: TokenGrid, frames: Sequence[int]) -> Tensor:
    """All tokens of some time steps. Raises AttributionError outside the grid."""
    return region_tokens(grid, frames)


def region_tokens(
    grid: TokenGrid,
    frames: Sequence[int] | None = None,
    rows: Sequence[int] | None = None,
    columns: Sequence[int] | None = None,
) -> Tensor:
    """The tokens at any of these time steps, rows and columns; None is every one.

    Raises AttributionError outside the grid.
    """
    chosen = torch.ones(grid.t, grid.h, grid.w, dtype=torch.bool)
    named = (("time step", frames), ("row", rows), ("column", columns))
    for axis, (name, wanted) in enumerate(named):
        if wanted is None:
            continue
        side = chosen.shape[axis]
        if any(not 0 <= number < side for number in wanted):
            raise AttributionError(
                f"A {name} between 0 and {side - 1} was expected, got "
                f"{', '.join(map(str, wanted))}."
            )
        along = [1, 1, 1]
        along[axis] = side
        chosen &= _with(torch.zeros(side, dtype=torch.bool), wanted).view(along)
    return torch.cat([torch.zeros(1, dtype=torch.bool), chosen.flatten()])


def _with(tokens: Tensor, numbers: Sequence[int]) -> Tensor:
    tokens[list(numbers)] = True
    return tokens
