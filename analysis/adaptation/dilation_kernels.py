"""The learned kernels of Adaptor-S as small pictures, and how much weight each scale has."""

from dataclasses import dataclass

import torch
from torch import Tensor

from analysis.layers.adaptor_s import AdaptorS

MOST_SHOWN = 12


@dataclass(frozen=True, eq=False)
class ScaleKernels:
    """The kernels of one dilation.

    energy: sum of squares over all channels and taps. size: (3, 3) root mean square over channels,
    and over frames where a kernel has three. strongest: (n, 3, 3) kernels of the channels with the
    most energy, the strongest first, summed over frames; channels: (n,) their numbers among those
    that the scale has.
    """

    dilation: int
    energy: float
    size: Tensor
    strongest: Tensor
    channels: Tensor


@torch.no_grad()
def dilation_kernels(adaptor: AdaptorS, most: int = MOST_SHOWN) -> tuple[ScaleKernels, ...]:
    """The kernels by scale, in the order of the configuration's dilations."""
    return tuple(
        _scale(kernel.detach()[:, 0], dilation, most)
        for kernel, dilation in zip(adaptor.kernels, adaptor.config.dilations, strict=True)
    )


def _scale(kernels: Tensor, dilation: int, most: int) -> ScaleKernels:
    """`kernels` (channels, 1 or 3, 3, 3)."""
    squares = kernels.double().square()
    by_channel = squares.sum((1, 2, 3))
    channels = by_channel.argsort(descending=True, stable=True)[:most]
    return ScaleKernels(
        dilation=dilation,
        energy=float(by_channel.sum()),
        size=squares.mean((0, 1)).sqrt().to(kernels.dtype),
        strongest=kernels[channels].sum(1),
        channels=channels,
    )


def footprint(scales: tuple[ScaleKernels, ...]) -> Tensor:
    """All scales on one grid of tokens: (R, R) root of the summed squares of what meets a place.

    R is 2 max dilation + 1; the middle is the token itself.
    """
    reach = max(scale.dilation for scale in scales)
    squares = torch.zeros(2 * reach + 1, 2 * reach + 1, dtype=scales[0].size.dtype)
    for scale in scales:
        taps = slice(reach - scale.dilation, reach + scale.dilation + 1, scale.dilation)
        squares[taps, taps] += scale.size.square()
    return squares.sqrt()
