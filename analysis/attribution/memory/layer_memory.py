"""What a layer keeps and for how long, on one page: the read-outs of its scans put together."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from analysis.attribution.memory.distance import attention_distance
from analysis.attribution.memory.half_life import half_lives, retention_curve
from analysis.attribution.memory.selectivity import PathShares, path_shares, selectivity_maps
from analysis.attribution.memory.state_content import state_content
from analysis.attribution.method import AttributionError
from analysis.layers.token_grid import TokenGrid
from analysis.tracing.layer_trace import LayerTrace
from analysis.tracing.scan_trace import ScanTrace
from analysis.tracing.token_positions import on_grid

DRAWN_STEPS = 512
"""Most points a curve along a scan has."""
MOST_RECEIVERS = 64
_CURVE_ELEMENTS = 2**20
"""Tokens x channels x states of a retention curve, above which channels are left out evenly."""
_DISTANCE_ELEMENTS = 2**25
"""Receivers x tokens x channels x states of the distances, above which receivers are left out."""


@dataclass(frozen=True, eq=False)
class ScanMemory:
    """One scan of a layer.

    half_life: quartiles over tokens, channels and states, in scan steps. steps_per_frame: None for
    one frame. lags, retention: (K,) the retention curve. crossings: share left to the first lag
    with no more, None beyond the curve. steps, state_norm: the state's norm along the scan, at
    most `DRAWN_STEPS` evenly spaced steps. distance: how far the scan looks back, in steps, patches
    and time steps (`attention_distance`), over at most `MOST_RECEIVERS` receivers.
    """

    direction: str
    token_order: str
    half_life: tuple[float, float, float]
    steps_per_frame: float | None
    lags: np.ndarray
    retention: np.ndarray
    every_channel: int
    crossings: dict[float, int | None]
    steps: np.ndarray
    state_norm: np.ndarray
    distance: tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class LayerMemory:
    """What a layer keeps.

    directions: which are read, "forward" first. delta: (directions, t, h, w) mean step size;
    variation: its variation over tokens by direction. paths: which way the output takes. scans:
    forward ones first.
    """

    grid: TokenGrid
    directions: tuple[str, ...]
    delta: np.ndarray
    variation: tuple[float, ...]
    zoh_ratio: tuple[float, ...]
    paths: PathShares
    scans: tuple[ScanMemory, ...]

    def delta_of(self, direction: str) -> tuple[np.ndarray, float]:
        """Step sizes (t, h, w) of "forward", "backward" or the mean of "both"; their variation.

        Raises AttributionError for a direction that is not read.
        """
        if direction == "both":
            values = self.delta.mean(0)
            return values, float(values.std() / values.mean())
        if direction not in self.directions:
            raise AttributionError(f"This layer reads no {direction} scan; choose both.")
        row = self.directions.index(direction)
        return self.delta[row], self.variation[row]


@torch.no_grad()
def layer_memory(layer: LayerTrace) -> LayerMemory:
    """Memory and selectivity of a traced layer (analysis spec, section 5)."""
    maps = selectivity_maps(layer)
    return LayerMemory(
        grid=layer.grid,
        directions=layer.directions,
        delta=torch.stack([on_grid(d, layer.grid) for d in maps.delta]).float().numpy(),
        variation=tuple(maps.variation.tolist()),
        zoh_ratio=tuple(maps.zoh_ratio.tolist()),
        paths=path_shares(layer),
        scans=tuple(_scan_memory(scan, layer.grid) for scan in layer.scans),
    )


def _scan_memory(scan: ScanTrace, grid: TokenGrid) -> ScanMemory:
    lives = half_lives(scan, grid)
    every = -(-len(scan.dt) * scan.A.numel() // _CURVE_ELEMENTS)
    curve = retention_curve(replace(scan, dt=scan.dt[:, ::every], A=scan.A[::every]))
    norm = state_content(scan, ranks=1).norm
    distance = attention_distance(scan, grid, _receivers(scan))
    steps = torch.linspace(0, len(norm) - 1, min(DRAWN_STEPS, len(norm))).round().long()
    return ScanMemory(
        direction=scan.direction,
        token_order=scan.token_order,
        half_life=tuple(lives.quartiles.tolist()),
        steps_per_frame=lives.steps_per_frame,
        lags=curve.lags.numpy(),
        retention=curve.values.numpy(),
        every_channel=every,
        crossings=curve.crossings,
        steps=steps.numpy(),
        state_norm=norm[steps].float().numpy(),
        distance=(distance.tokens, distance.patches, distance.frames),
    )


def _receivers(scan: ScanTrace) -> Tensor:
    length = len(scan.dt)
    affordable = _DISTANCE_ELEMENTS // (length * scan.A.numel())
    count = min(length, MOST_RECEIVERS, max(8, affordable))
    return scan.positions[torch.linspace(0, length - 1, count).round().long()]
