"""The effective receptive field: which pixels the middle of the last layer depends on."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from analysis.models.moma import Moma
from analysis.models.videomamba import VideoMamba
from analysis.tracing.opened_models import traced_grid
from analysis.tracing.recorder import batched, evaluation_mode
from analysis.tracing.token_positions import CLS_INDEX, checked_index, token_index

AREA_SHARES: tuple[float, ...] = (0.2, 0.3, 0.5, 0.99)


@dataclass(frozen=True, eq=False)
class ReceptiveField:
    """Gradient of a final token with respect to the pixels (Luo et al. 2016; VMamba, Fig. 4).

    pixels: (T, H, W), for image models (H, W): absolute, summed over colours, mean over clips.
    display: log10(1 + pixels) over its largest value. area: for each of `AREA_SHARES` the
    smallest fraction of the pixels that holds that share of the sum.
    """

    token: int
    pixels: Tensor
    display: Tensor
    area: dict[float, float]


def receptive_field(
    model: VideoMamba | Moma, clips: Iterable[Tensor], token: int | None = None
) -> ReceptiveField:
    """The field of a token's final features, summed over channels, over one or more clips.

    clips: each (C, T, H, W) or (C, H, W). token: sequence index; by default the patch in the
    middle of the grid, or CLS where the model scans and reads that. Parameters gather no gradients.

    Raises ValueError for a token outside of the sequence and for no clips.
    """
    grid = traced_grid(model.config)
    if token is None:
        centre = token_index(grid, grid.t // 2, grid.h // 2, grid.w // 2)
        token = CLS_INDEX if model.config.readout == "cls" and grid.class_tokens else centre
    checked_index(grid, token)
    with evaluation_mode(model):
        fields = [_gradient(model, clip, token) for clip in clips]
    if not fields:
        raise ValueError("a receptive field needs at least one clip, got none")
    pixels = torch.stack(fields).mean(0)
    shown = torch.log10(1 + pixels)
    return ReceptiveField(
        token,
        pixels,
        shown / shown.max().clamp(min=torch.finfo(shown.dtype).tiny),
        {share: area_fraction(pixels, share) for share in AREA_SHARES},
    )


def area_fraction(pixels: Tensor, share: float) -> float:
    """Smallest fraction of the pixels that holds `share` of the sum of non-negative values."""
    falling = pixels.flatten().double().sort(descending=True).values.cumsum(0)
    reached = torch.searchsorted(falling, share * falling[-1])
    return min(int(reached) + 1, len(falling)) / len(falling)


def _gradient(model: VideoMamba | Moma, clip: Tensor, token: int) -> Tensor:
    with torch.inference_mode(False), torch.enable_grad():
        pixels = batched(model, clip).detach().clone().requires_grad_()
        # MoMa's features stand on the grid, those of others in a sequence.
        features = model.forward_features(pixels)[0].flatten(0, -2)[token].sum()
        (gradient,) = torch.autograd.grad(features, pixels)
    return gradient[0].abs().sum(0).cpu()
