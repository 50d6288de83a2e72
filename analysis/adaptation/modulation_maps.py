"""Where in a clip, and how much, MoMa's scans modulate the frozen tokens (arXiv 2506.23283)."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from analysis.layers.modulation import Modulation
from analysis.models.moma import Moma


@dataclass(frozen=True, eq=False)
class ModulationMap:
    """One modulation over the token grid; maps are float64 (t, h, w).

    scale: mean |y1| over channels, what a token's channels are multiplied with beside 1.
    bias: |y2| / |x|, the length of what is added over that of the token. Both are what the scans
        say of the token; None where the fusion has no use for it.
    turn: 1 - cosine of the modulated token with the token, 0 where it keeps its direction.
    """

    scale: np.ndarray | None
    bias: np.ndarray | None
    turn: np.ndarray


@torch.no_grad()
def modulation_maps(model: Moma, clip: Tensor) -> tuple[ModulationMap, ...]:
    """A map for every modulation of a clip (C, T, H, W), in the order of the pass.

    None of them for a model without modulations.
    """
    found = (step.modulation for step in model.steps(clip[None]))
    return tuple(_map(one) for one in found if one is not None)


def _map(modulation: Modulation) -> ModulationMap:
    # float64, in which the cosine of a token with itself is 1.
    x, out = modulation.x[0].double(), modulation.out[0].double()
    scale, bias = modulation.scale, modulation.bias
    added = None if bias is None else bias[0].double().norm(dim=-1) / x.norm(dim=-1)
    return ModulationMap(
        scale=None if scale is None else scale[0].double().abs().mean(-1).numpy(),
        bias=None if added is None else added.numpy(),
        turn=(1 - F.cosine_similarity(out, x, dim=-1)).clamp(min=0).numpy(),
    )
