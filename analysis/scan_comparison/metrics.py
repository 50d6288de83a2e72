"""What a scan order does to neighbours: distances, reach and locality on the token grid.

A scan sees a clip as one sequence. Two tokens that touch in the picture (or sit at the same place
in consecutive frames) end up some number of scan steps apart; the convolution reaches the last
`conv_width - 1` tokens, and the state fades with every step in between. These figures belong to
the order and the grid alone: no weights, no clip. CLS tokens are left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from analysis.ops.scan_order import (
    LayerScan,
    inverse_permutation,
    layer_scans,
    step_lengths,
    token_permutation,
)


@dataclass(frozen=True)
class ScanMetrics:
    """Geometry of one or several token orders over one token grid.

    Distances count scan steps between tokens that are neighbours on the grid: `horizontal` along
    a row, `vertical` along a column, `spatial` both pooled, `temporal` the same place in
    consecutive frames. With several token orders, each pair counts with the order that brings it
    nearest (a two-way figure); contiguity and jump are averaged over the orders. Reading an order
    backwards leaves every figure unchanged. A figure is None where the grid has no such pairs
    (an image has no temporal neighbours).

    - `*_distance`, `*_distance_max`: mean and largest distance, in scan steps.
    - `*_conv_reach`: share of pairs at most conv_width - 1 steps apart, 0 to 1.
    - `contiguity`: share of consecutive scan steps that go to a grid neighbour, 0 to 1.
    - `mean_jump`: mean Manhattan length, in tokens, of the step between consecutive positions.
    - `*_locality`: mean of exp(-decay_rate * distance), 0 to 1; None without a decay rate.
    """

    token_orders: tuple[str, ...]
    grid: tuple[int, int, int]
    conv_width: int
    decay_rate: float | None
    horizontal_distance: float | None
    horizontal_distance_max: int | None
    vertical_distance: float | None
    vertical_distance_max: int | None
    spatial_distance: float | None
    spatial_distance_max: int | None
    temporal_distance: float | None
    temporal_distance_max: int | None
    spatial_conv_reach: float | None
    temporal_conv_reach: float | None
    contiguity: float | None
    mean_jump: float | None
    spatial_locality: float | None
    temporal_locality: float | None


@dataclass(frozen=True)
class LayerKind:
    """Layers of a plan that read the same token orders, with the figures of such a layer.

    `layers` counts from 0; `forward` and `backward` are the token orders of the two directions.
    """

    layers: tuple[int, ...]
    forward: tuple[str, ...]
    backward: tuple[str, ...]
    metrics: ScanMetrics


@dataclass(frozen=True)
class ScanOrderMetrics:
    """Geometry of a scan order in a model: as a whole and for each kind of layer it is made of.

    `model` takes, for every pair of neighbours, the nearest of all token orders that any layer
    reads. `scans_per_layer` is the largest number of scans a layer runs (both directions
    together); `scans_per_pass` adds them up over the layers.
    """

    scan_order: str
    model: ScanMetrics
    layer_kinds: tuple[LayerKind, ...]
    scans_per_layer: int
    scans_per_pass: int


def scan_metrics(
    token_orders: str | Sequence[str],
    grid: tuple[int, int, int],
    *,
    conv_width: int = 4,
    decay_rate: float | None = None,
) -> ScanMetrics:
    """Geometry of the token orders that one layer reads, over a (t, h, w) grid.

    `decay_rate` is the lambda of the decay-weighted locality, per scan step: a model's own mean
    of step size times |A| makes it the share that a neighbour's trace keeps in the state.

    Raises ValueError for an unknown token order, no token order at all, an empty grid, a
    conv_width below 1 or a negative decay rate.
    """
    names = (token_orders,) if isinstance(token_orders, str) else tuple(token_orders)
    if not names:
        raise ValueError("scan metrics need at least one token order, got none")
    if conv_width < 1:
        raise ValueError(f"conv_width counts taps and is at least 1, got {conv_width}")
    if decay_rate is not None and decay_rate < 0:
        raise ValueError(f"decay_rate is not negative, got {decay_rate}")

    t, h, w = grid
    permutations = [token_permutation(name, t, h, w) for name in names]
    positions = torch.stack([inverse_permutation(p).view(t, h, w) for p in permutations])
    temporal, vertical, horizontal = (_nearest_distance(positions, axis) for axis in (1, 2, 3))
    spatial = torch.cat([horizontal, vertical])
    jumps = torch.cat([step_lengths(p, h, w) for p in permutations])
    return ScanMetrics(
        token_orders=names,
        grid=(t, h, w),
        conv_width=conv_width,
        decay_rate=decay_rate,
        horizontal_distance=_mean(horizontal),
        horizontal_distance_max=_largest(horizontal),
        vertical_distance=_mean(vertical),
        vertical_distance_max=_largest(vertical),
        spatial_distance=_mean(spatial),
        spatial_distance_max=_largest(spatial),
        temporal_distance=_mean(temporal),
        temporal_distance_max=_largest(temporal),
        spatial_conv_reach=_mean(spatial < conv_width),
        temporal_conv_reach=_mean(temporal < conv_width),
        contiguity=_mean(jumps == 1),
        mean_jump=_mean(jumps),
        spatial_locality=_locality(spatial, decay_rate),
        temporal_locality=_locality(temporal, decay_rate),
    )


def scan_order_metrics(
    scan_order: str,
    grid: tuple[int, int, int],
    depth: int,
    *,
    conv_width: int = 4,
    decay_rate: float | None = None,
) -> ScanOrderMetrics:
    """Geometry of a scan order in a model of `depth` layers over a (t, h, w) grid.

    Raises ValueError as `scan_metrics` does, and for an unknown scan order.
    """
    plan = layer_scans(scan_order, depth)
    settings = {"conv_width": conv_width, "decay_rate": decay_rate}
    layers_of: dict[LayerScan, list[int]] = {}
    for index, layer in enumerate(plan):
        layers_of.setdefault(layer, []).append(index)
    read_anywhere = dict.fromkeys(name for layer in plan for name in layer.token_orders)
    scans = [len(layer.forward) + len(layer.backward) for layer in plan]
    return ScanOrderMetrics(
        scan_order=scan_order,
        model=scan_metrics(tuple(read_anywhere), grid, **settings),
        layer_kinds=tuple(
            LayerKind(
                tuple(indices),
                layer.forward,
                layer.backward,
                scan_metrics(layer.token_orders, grid, **settings),
            )
            for layer, indices in layers_of.items()
        ),
        scans_per_layer=max(scans),
        scans_per_pass=sum(scans),
    )


def _nearest_distance(positions: Tensor, axis: int) -> Tensor:
    """Steps between neighbours along one axis of (orders, t, h, w), in the nearest order."""
    return positions.diff(dim=axis).abs().amin(dim=0).flatten()


def _mean(values: Tensor) -> float | None:
    return values.double().mean().item() if values.numel() else None


def _largest(values: Tensor) -> int | None:
    return int(values.max()) if values.numel() else None


def _locality(distances: Tensor, decay_rate: float | None) -> float | None:
    return None if decay_rate is None else _mean(torch.exp(-decay_rate * distances.double()))
