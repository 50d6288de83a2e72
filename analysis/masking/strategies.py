"""Masking strategies: the published masks, and two of ours."""

from dataclasses import dataclass

import torch
from torch import Tensor

from analysis.layers.token_grid import TokenGrid
from analysis.nearest_names import nearest
from analysis.ops.token_mask import MASKS, check_mask_request, drawn_in_proportion, token_mask

# Area of a rectangle as a share of the frame, and its height over its width.
_BLOCK_AREA, _BLOCK_SHAPE = (0.1, 0.25), (0.75, 1.5)
_STILL = 1e-6  # weight of a token that does not move, over that of the one that moves most


@dataclass(frozen=True)
class Strategy:
    """A way to choose which tokens are hidden.

    published: of the VideoMamba paper; otherwise ours.
    reads: what weighs its draws, "attention" (of a teacher, from CLS to patches), "motion" (see
        `analysis.masking.motion`) or None.
    summary: its rule in a few words.
    """

    name: str
    published: bool
    reads: str | None
    summary: str


STRATEGIES: dict[str, Strategy] = {
    strategy.name: strategy
    for strategy in (
        Strategy("random", True, None, "single tokens anywhere in the clip"),
        Strategy("tube", True, None, "the same single sites in every frame"),
        Strategy("clip_row", True, None, "whole rows anywhere in the clip"),
        Strategy("frame_row", True, None, "whole rows, equally many in every frame"),
        Strategy(
            "attention",
            True,
            "attention",
            "single tokens of every frame; those a teacher attends to tend to stay",
        ),
        Strategy("block", False, None, "rectangles, the same in every frame"),
        Strategy(
            "motion", False, "motion", "single tokens of every frame; what moves tends to be hidden"
        ),
    )
}
"""By name; those of the paper first, as `analysis.ops.token_mask.MASKS` has them."""


def find_strategy(name: str) -> Strategy:
    """The strategy called `name`. Raises ValueError naming the nearest."""
    if name not in STRATEGIES:
        raise ValueError(f"There is no masking strategy {name!r}; {nearest(name, STRATEGIES)}")
    return STRATEGIES[name]


def draw_masks(
    name: str,
    grid: TokenGrid,
    ratio: float,
    draws: int,
    generator: torch.Generator,
    weights: Tensor | None = None,
) -> Tensor:
    """Masks of one clip, or of `draws` clips: bool (draws, 1 + t*h*w), True = hidden, CLS never is.

    Published strategies hide as many tokens as `analysis.ops.token_mask.token_mask` says. `block`
    (after the blocks of image and video models that predict what is hidden) hides int(ratio * h*w)
    sites, the same in every frame: random rectangles, the last one cut short. `motion` hides
    int(ratio * h*w) tokens of every frame, drawn without replacement in proportion to `weights`.

    `weights`, 0 or more, are read by the strategies that say so: (t, h*w), or (draws, t, h*w) to
    weigh each mask by a clip of its own.
    Raises ValueError, one sentence, for an unknown name, an impossible ratio and weights that are
    missing or do not fit.
    """
    strategy, shape = find_strategy(name), (grid.t, grid.h, grid.w)
    check_mask_request(shape, ratio, draws)
    if strategy.reads is not None:
        weights = _checked(strategy, weights, grid, draws).expand(draws, -1, -1)
    if name in MASKS:
        return token_mask(name, shape, ratio, draws, generator, weights)
    count = int(ratio * grid.h * grid.w)
    if name == "block":
        frames = torch.stack([_blocks(grid, count, generator) for _ in range(draws)])
        patches = frames.flatten(1).repeat(1, grid.t)
    else:
        patches = drawn_in_proportion(_never_still(weights), count, generator).flatten(1)
    return torch.nn.functional.pad(patches, (1, 0))


def _checked(strategy: Strategy, weights: Tensor | None, grid: TokenGrid, draws: int) -> Tensor:
    shape = (grid.t, grid.h * grid.w)
    if weights is None or tuple(weights.shape) not in (shape, (draws, *shape)):
        found = "none" if weights is None else f"some of shape {tuple(weights.shape)}"
        raise ValueError(f"{strategy.name} needs {strategy.reads} (t, h*w) = {shape}, got {found}")
    if not (weights.isfinite().all() and (weights >= 0).all()):
        raise ValueError(f"{strategy.name} needs {strategy.reads} of finite values not below 0")
    return weights


def _never_still(motion: Tensor) -> Tensor:
    """Motion with a little everywhere, so that still tokens are drawn at random too."""
    most = motion.amax(dim=(-2, -1), keepdim=True)
    return torch.where(most > 0, motion + _STILL * most, torch.ones_like(motion))


def _blocks(grid: TokenGrid, count: int, generator: torch.Generator) -> Tensor:
    """`count` sites (h, w) under random rectangles."""
    h, w = grid.h, grid.w
    hidden = torch.zeros(h, w, dtype=torch.bool, device=generator.device)
    while (missing := count - int(hidden.sum())) > 0:
        height, width, top, left = _rectangle(h, w, generator)
        block = torch.zeros_like(hidden)
        block[top : top + height, left : left + width] = True
        new = (block & ~hidden).flatten().nonzero()[:missing]
        hidden.view(-1)[new] = True
    return hidden


def _rectangle(h: int, w: int, generator: torch.Generator) -> tuple[int, int, int, int]:
    """Height, width, top and left."""
    area, shape, down, right = torch.rand(4, generator=generator, device=generator.device).tolist()
    area = h * w * _between(_BLOCK_AREA, area)
    shape = _between(_BLOCK_SHAPE, shape)
    height = min(h, max(1, round((area * shape) ** 0.5)))
    width = min(w, max(1, round((area / shape) ** 0.5)))
    return height, width, int(down * (h - height + 1)), int(right * (w - width + 1))


def _between(bounds: tuple[float, float], share: float) -> float:
    low, high = bounds
    return low + share * (high - low)
