"""Scan geometry against the published table, general formulas and grids worked out by hand."""

import itertools
import math

import pytest
import torch

from analysis.ops.scan_order import (
    SCAN_ORDERS,
    TOKEN_ORDERS,
    inverse_permutation,
    token_permutation,
)
from analysis.scan_comparison.metrics import scan_metrics, scan_order_metrics

# order: horizontal, vertical, spatial, temporal, spatial reach, temporal reach, contiguity, jump
ORACLES_8X14X14 = {
    "spatial_first": (1, 14, 7.5, 196, 0.500, 0, 0.929, 1.979),
    "temporal_first": (8, 112, 60, 1, 0, 1, 0.876, 1.979),
    "boustrophedon": (1, 14, 7.5, 196, 0.571, 0.010, 1.000, 1.000),
    "column_first": (14, 1, 7.5, 196, 0.500, 0, 0.929, 1.979),
}

GRIDS = [(1, 1, 1), (1, 3, 4), (2, 1, 5), (3, 2, 2), (4, 5, 3), (5, 3, 3)]


@pytest.mark.parametrize("order", TOKEN_ORDERS)
def test_the_table_of_8x14x14_with_four_taps(order):
    metrics = scan_metrics(order, (8, 14, 14), conv_width=4)
    figures = (
        metrics.horizontal_distance,
        metrics.vertical_distance,
        metrics.spatial_distance,
        metrics.temporal_distance,
        metrics.spatial_conv_reach,
        metrics.temporal_conv_reach,
        metrics.contiguity,
        metrics.mean_jump,
    )
    assert figures == pytest.approx(ORACLES_8X14X14[order], abs=6e-4)


@pytest.mark.parametrize("grid", [(8, 14, 14), (4, 5, 3), (2, 3, 7)], ids=str)
def test_row_major_distances_are_the_strides_of_the_grid(grid):
    t, h, w = grid
    expected = {
        "spatial_first": (1, w, h * w),
        "temporal_first": (t, w * t, 1),
        "column_first": (h, 1, h * w),
    }
    for order, strides in expected.items():
        m = scan_metrics(order, grid)
        mean = (m.horizontal_distance, m.vertical_distance, m.temporal_distance)
        largest = (m.horizontal_distance_max, m.vertical_distance_max, m.temporal_distance_max)
        assert mean == strides, order
        assert largest == strides, order


@pytest.mark.parametrize("grid", GRIDS, ids=str)
@pytest.mark.parametrize("order", TOKEN_ORDERS)
def test_figures_match_a_count_pair_by_pair(order, grid):
    """The vectorised figures against a plain walk over every pair of neighbours."""
    t, h, w = grid
    path = [divmod(i, h * w) for i in token_permutation(order, t, h, w).tolist()]
    path = [(frame, *divmod(place, w)) for frame, place in path]
    assert sorted(path) == [(a, b, c) for a in range(t) for b in range(h) for c in range(w)]

    position = {token: i for i, token in enumerate(path)}
    gaps = {"temporal": [], "vertical": [], "horizontal": []}
    for a, b, c in path:
        neighbours = {"temporal": (a + 1, b, c), "vertical": (a, b + 1, c)}
        neighbours["horizontal"] = (a, b, c + 1)
        for axis, token in neighbours.items():
            if token in position:
                gaps[axis].append(abs(position[token] - position[a, b, c]))
    gaps["spatial"] = gaps["vertical"] + gaps["horizontal"]
    jumps = [
        sum(abs(x - y) for x, y in zip(here, there, strict=True))
        for here, there in itertools.pairwise(path)
    ]

    metrics = scan_metrics(order, grid, conv_width=3, decay_rate=0.2)
    for axis, steps in gaps.items():
        distance = getattr(metrics, f"{axis}_distance")
        assert distance == (pytest.approx(sum(steps) / len(steps)) if steps else None)
        assert getattr(metrics, f"{axis}_distance_max") == max(steps, default=None)
    for axis in ("spatial", "temporal"):
        steps = gaps[axis]
        near = sum(s <= 2 for s in steps)
        kept = sum(math.exp(-0.2 * s) for s in steps)
        reach, locality = (getattr(metrics, f"{axis}_{x}") for x in ("conv_reach", "locality"))
        assert reach == (pytest.approx(near / len(steps)) if steps else None)
        assert locality == (pytest.approx(kept / len(steps)) if steps else None)
    assert metrics.contiguity == (pytest.approx(jumps.count(1) / len(jumps)) if jumps else None)
    assert metrics.mean_jump == (pytest.approx(sum(jumps) / len(jumps)) if jumps else None)


def test_two_by_two_by_two_by_hand():
    """temporal_first on 2x2x2 reads 000 100 001 101 010 110 011 111."""
    m = scan_metrics("temporal_first", (2, 2, 2), conv_width=4)
    assert (m.horizontal_distance, m.vertical_distance, m.temporal_distance) == (2, 4, 1)
    assert m.spatial_conv_reach == 0.5  # columns at 2 steps are within 3, rows at 4 are not
    assert m.contiguity == 4 / 7  # the four steps in time; the three others change place too
    assert m.mean_jump == (4 * 1 + 2 * 2 + 1 * 3) / 7


def test_two_orders_take_the_nearer_one_for_every_pair():
    grid = (2, 2, 3)
    both = scan_metrics(("spatial_first", "temporal_first"), grid)
    assert (both.horizontal_distance, both.vertical_distance) == (1, 3)
    assert both.temporal_distance == 1
    alone = [scan_metrics(order, grid) for order in ("spatial_first", "temporal_first")]
    assert both.contiguity == pytest.approx(sum(m.contiguity for m in alone) / 2)
    assert both.mean_jump == pytest.approx(sum(m.mean_jump for m in alone) / 2)


def test_nearest_is_taken_pair_by_pair_and_not_from_the_means():
    """On 1x3x3 rows alternate: boustrophedon brings some vertical pairs nearer than columns do."""
    m = scan_metrics(("boustrophedon", "spatial_first"), (1, 3, 3))
    # vertical pairs: boustrophedon 5 3 1 / 1 3 5, spatial_first always 3
    assert m.vertical_distance == (3 + 3 + 1 + 1 + 3 + 3) / 6


def test_reading_backwards_changes_nothing():
    forward = token_permutation("spatial_first", 3, 4, 5)
    positions = inverse_permutation(forward).view(3, 4, 5)
    backward = inverse_permutation(forward.flip(0)).view(3, 4, 5)
    for axis in range(3):
        assert torch.equal(positions.diff(dim=axis).abs(), backward.diff(dim=axis).abs())


def test_locality_without_decay_is_one_and_falls_with_the_rate():
    localities = [
        scan_metrics("spatial_first", (2, 3, 3), decay_rate=rate).spatial_locality
        for rate in (0.0, 0.1, 1.0)
    ]
    assert localities[0] == 1.0
    assert localities == sorted(localities, reverse=True)
    assert scan_metrics("spatial_first", (2, 3, 3)).spatial_locality is None


def test_an_image_has_no_temporal_figures():
    m = scan_metrics("spatial_first", (1, 2, 2), decay_rate=0.5)
    assert (m.temporal_distance, m.temporal_distance_max) == (None, None)
    assert (m.temporal_conv_reach, m.temporal_locality) == (None, None)


@pytest.mark.parametrize(
    ("scan_order", "layers", "scans"),
    [
        ("spatial_first", [(0, 1, 2, 3, 4)], (2, 10)),
        ("temporal_first", [(0, 1, 2, 3, 4)], (2, 10)),
        ("spatiotemporal_v1", [(0, 1, 2, 3, 4)], (2, 10)),
        ("spatiotemporal_v2", [(0, 1, 2, 3, 4)], (4, 20)),
        ("half_spatial_half_temporal", [(0, 1), (2, 3, 4)], (2, 10)),
        ("half_temporal_half_spatial", [(0, 1), (2, 3, 4)], (2, 10)),
        ("alternating", [(0, 2, 4), (1, 3)], (2, 10)),
    ],
)
def test_layer_kinds_and_number_of_scans(scan_order, layers, scans):
    m = scan_order_metrics(scan_order, (2, 3, 4), depth=5)
    assert [kind.layers for kind in m.layer_kinds] == layers
    assert (m.scans_per_layer, m.scans_per_pass) == scans


def test_a_plan_with_two_kinds_of_layers_keeps_their_figures_apart():
    m = scan_order_metrics("alternating", (8, 14, 14), depth=6)
    spatial, temporal = (kind.metrics for kind in m.layer_kinds)
    assert (spatial.spatial_distance, spatial.temporal_distance) == (7.5, 196)
    assert (temporal.spatial_distance, temporal.temporal_distance) == (60, 1)
    assert (m.model.spatial_distance, m.model.temporal_distance) == (7.5, 1)


@pytest.mark.parametrize("scan_order", SCAN_ORDERS)
def test_every_scan_order_has_figures(scan_order):
    m = scan_order_metrics(scan_order, (4, 8, 8), depth=6, decay_rate=0.3).model
    assert min(m.spatial_distance, m.temporal_distance) >= 1
    assert 0 < m.contiguity <= 1 <= m.mean_jump


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"token_orders": "zigzag"}, "unknown token order 'zigzag'"),
        ({"token_orders": ()}, "at least one token order"),
        ({"grid": (0, 2, 2)}, "at least one token a side"),
        ({"conv_width": 0}, "at least 1, got 0"),
        ({"decay_rate": -1.0}, "not negative"),
    ],
)
def test_bad_settings_are_answered_with_a_sentence(arguments, message):
    settings = {"token_orders": "spatial_first", "grid": (2, 2, 2)} | arguments
    with pytest.raises(ValueError, match=message):
        scan_metrics(**settings)
