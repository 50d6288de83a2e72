"""Forgetting curves: how much a token takes from sources at each distance, with memory or not."""

from dataclasses import dataclass

import torch
from torch import Tensor

from analysis.adaptation.adapted_layer import AdaptedLayer, MemoryScan
from analysis.attribution.exact.memory_attention import (
    forgetting_curve,
    hidden_attention_with_memory,
)
from analysis.layers.adaptor_t import AdaptorT

MOST_CHANNELS = 16


@dataclass(frozen=True, eq=False)
class ForgettingCurves:
    """One scan's mean |alpha| by distance (specification, section 3.3).

    distances: (2 L - 1,) scan steps from source to receiver; below 0 the source is read later.
    plain, with_memory: (2 L - 1,) means over pairs at that distance and over `channels`, as many
    as there are or that many evenly spaced ones. Without the skip.
    """

    direction: str
    token_order: str
    distances: Tensor
    plain: Tensor
    with_memory: Tensor
    channels: int

    @property
    def ahead_share(self) -> float:
        """Of all that tokens take with memory, what comes from sources read later."""
        pairs = len(self.distances) // 2 + 1 - self.distances.abs()
        mass = self.with_memory * pairs
        total = mass.sum().clamp(min=torch.finfo(mass.dtype).tiny)
        return float(mass[self.distances < 0].sum() / total)


def forgetting_curves(
    layer: AdaptedLayer, most_channels: int = MOST_CHANNELS
) -> tuple[ForgettingCurves, ...]:
    """The curves of each scan of a layer.

    Raises ValueError, one sentence, where a scan is too long for its pairs of tokens.
    """
    return tuple(_curves(layer, scan, most_channels) for scan in layer.scans)


def _curves(layer: AdaptedLayer, scan: MemoryScan, most_channels: int) -> ForgettingCurves:
    count = min(most_channels, scan.scan.u.shape[1])
    channels = torch.linspace(0, scan.scan.u.shape[1] - 1, count).round().long()
    distances, plain = _curve(layer, scan, None, channels)
    with_memory = plain
    if scan.adaptor is not None:
        _, with_memory = _curve(layer, scan, scan.adaptor, channels)
    return ForgettingCurves(scan.direction, scan.token_order, distances, plain, with_memory, count)


def _curve(
    layer: AdaptedLayer, scan: MemoryScan, adaptor: AdaptorT | None, channels: Tensor
) -> tuple[Tensor, Tensor]:
    alpha = hidden_attention_with_memory(
        scan.scan, adaptor, layer.grid, scan.back, channels=channels
    )
    # Distances count along the reading, which a backward scan begins at the last token.
    return forgetting_curve(alpha.flip(2, 3) if scan.scan.reverse else alpha)
