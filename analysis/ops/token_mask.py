"""Token masks of masked pretraining (VideoMamba paper, section 3.4): which tokens are hidden."""

from collections.abc import Callable

import torch
from torch import Tensor

Grid = tuple[int, int, int]

MASKS: tuple[str, ...] = ("random", "tube", "clip_row", "frame_row", "attention")
"""Names of the masks: in the published code clip_row is random_row and frame_row is tube_row."""


def token_mask(
    name: str,
    grid: Grid,
    ratio: float,
    batch: int,
    generator: torch.Generator,
    attention: Tensor | None = None,
) -> Tensor:
    """Which tokens of each clip are hidden: bool (B, 1 + t*h*w), True = masked, CLS never is.

    `grid` is (t, h, w). Each clip hides the same number of tokens; counts are rounded down as in
    the published code, so that rows hide less than `ratio` where it does not divide them:

    - `random`: int(ratio * t*h*w) tokens anywhere.
    - `tube`: int(ratio * h*w) sites, the same in every frame.
    - `clip_row`: t * int(ratio * h) whole rows anywhere in the clip.
    - `frame_row`: int(ratio * h) whole rows of each frame.
    - `attention`: int(ratio * h*w) tokens of each frame. Those left are drawn without replacement
      with the weights `attention` (B, t, h*w), a teacher's attention from CLS to patches.

    Numbers are drawn and the mask is made on the generator's device. Raises ValueError, one
    sentence, for an unknown name, an impossible grid or ratio, and missing or misshapen attention.
    """
    if name not in MASKS:
        raise ValueError(f"unknown mask {name!r}; choose one of {', '.join(MASKS)}")
    check_mask_request(grid, ratio, batch)
    if name == "attention":
        patches = _attention(_checked(attention, grid, batch), ratio, generator)
    else:
        patches = _GENERATORS[name](grid, ratio, batch, generator)
    return torch.nn.functional.pad(patches.reshape(batch, -1), (1, 0))


def check_mask_request(grid: Grid, ratio: float, batch: int) -> None:
    """Raises ValueError, one sentence, for a grid, a ratio or a number of clips that cannot be."""
    if min(*grid, batch) < 1:
        raise ValueError(
            f"got {batch} clips of {' x '.join(map(str, grid))} tokens to mask; give at least one "
            "clip and one token a side"
        )
    if not 0 <= ratio < 1:
        raise ValueError(f"got mask ratio {ratio}; choose one from 0 to below 1")


def drawn_in_proportion(weights: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """`count` of each row of `weights` (..., N), drawn one after another in proportion to them.

    Bool, of the shape of `weights`, True = drawn; nothing is drawn twice. A weight of zero is
    drawn after all others.
    """
    weights = weights.to(generator.device, torch.float32)
    # Exponential waiting times divided by weights finish in the order of a weighted draw without
    # replacement, which unlike torch.multinomial accepts weights of zero.
    waits = torch.empty_like(weights).exponential_(generator=generator)
    drawn = (weights / waits).topk(count, dim=-1, sorted=False).indices
    return torch.zeros_like(weights, dtype=torch.bool).scatter_(-1, drawn, True)


def _choose(rows: int, total: int, count: int, generator: torch.Generator) -> Tensor:
    """`count` of `total` marked at random in each row: bool (rows, total)."""
    draws = torch.rand(rows, total, generator=generator, device=generator.device)
    chosen = draws.topk(count, dim=1, sorted=False).indices
    return torch.zeros_like(draws, dtype=torch.bool).scatter_(1, chosen, True)


def _random(grid: Grid, ratio: float, batch: int, generator: torch.Generator) -> Tensor:
    t, h, w = grid
    return _choose(batch, t * h * w, int(ratio * t * h * w), generator)


def _tube(grid: Grid, ratio: float, batch: int, generator: torch.Generator) -> Tensor:
    t, h, w = grid
    return _choose(batch, h * w, int(ratio * h * w), generator).repeat(1, t)


def _clip_row(grid: Grid, ratio: float, batch: int, generator: torch.Generator) -> Tensor:
    t, h, w = grid
    return _choose(batch, t * h, t * int(ratio * h), generator).repeat_interleave(w, dim=1)


def _frame_row(grid: Grid, ratio: float, batch: int, generator: torch.Generator) -> Tensor:
    t, h, w = grid
    return _choose(batch * t, h, int(ratio * h), generator).repeat_interleave(w, dim=1)


_GENERATORS: dict[str, Callable[[Grid, float, int, torch.Generator], Tensor]] = {
    "random": _random,
    "tube": _tube,
    "clip_row": _clip_row,
    "frame_row": _frame_row,
}


def _attention(weights: Tensor, ratio: float, generator: torch.Generator) -> Tensor:
    sites = weights.shape[-1]
    return ~drawn_in_proportion(weights, sites - int(ratio * sites), generator)


def _checked(attention: Tensor | None, grid: Grid, batch: int) -> Tensor:
    t, h, w = grid
    shape = (batch, t, h * w)
    if attention is None or tuple(attention.shape) != shape:
        found = "none" if attention is None else f"attention of shape {tuple(attention.shape)}"
        raise ValueError(f"the attention mask needs attention (B, t, h*w) = {shape}, got {found}")
    return attention
