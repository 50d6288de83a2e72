"""What it costs to let tokens of a clip hear of each other: attention, windows, scans.

Multiply-adds of a whole model over a clip, as `analysis.profiling.flops` counts them: products of
matrices, 9 operations a state in every scan and 1 for its skip.
"""

import math
from dataclasses import dataclass, replace

from analysis.layers.windowed_attention import Window, window_groups
from analysis.models.moma_config import MomaConfig


@dataclass(frozen=True)
class MixingCost:
    """Multiply-adds of a clip of `frames`, over all layers; perceptrons, stem and head are left
    out.

    full: the tower's attention over all tokens of the clip together. per_frame: over each frame's.
    divide: inside the model's windows. modulate: the model's scans with their projections.
    """

    frames: int
    full: int
    per_frame: int
    divide: int
    modulate: int


def mixing_cost(config: MomaConfig, frames: int) -> MixingCost:
    """The costs of a model for a clip of so many frames, without class tokens."""
    grid = replace(config, num_frames=frames).token_grid
    sides = (grid.t, grid.h, grid.w)
    return MixingCost(
        frames=frames,
        full=_attention(config, sides, sides),
        per_frame=_attention(config, None, sides),
        divide=_attention(config, config.window, sides),
        modulate=config.modulations * _modulation(config, math.prod(sides)),
    )


def _attention(config: MomaConfig, window: Window, sides: tuple[int, int, int]) -> int:
    """Projections of every token, and scores and values of every pair inside a window."""
    width = config.width
    pairs = sum(
        group.tokens.shape[0] * group.tokens.shape[1] ** 2 for group in window_groups(window, sides)
    )
    return config.layers * (4 * width**2 * math.prod(sides) + 2 * width * pairs)


def _modulation(config: MomaConfig, tokens: int) -> int:
    """One state-space layer, as `analysis.layers.grid_scan.GridScan` computes it."""
    width, inner, states = config.width, config.inner, config.state_size
    rank = math.ceil(inner / 16)
    path = inner * (config.conv_width + (rank + 2 * states) + rank + 9 * states + 1)
    paths = len(config.scans) * (1 + config.bidirectional)
    said = _SAID.get(config.fusion, 2)
    mixing = 2 * width**2 if config.fusion == "concat" else 0
    gate = 2 * inner if config.gate else 0
    projections = (1 + config.gate) * width * inner + said * width * inner
    return tokens * (projections + paths * path + mixing + gate)


# Sequences of D channels that the scans of a fusion have to say, where they are not two.
_SAID = {"add": 1, "max": 1, "concat": 1, "scale_only": 1, "bias_only": 1}
