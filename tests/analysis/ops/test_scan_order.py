"""Scan orders: permutations with exact inverses, a grid worked out by hand, plans per layer."""

import pytest
import torch

from analysis.ops.scan_order import (
    PUBLISHED_SCAN_ORDERS,
    SCAN_ORDERS,
    TOKEN_ORDERS,
    inverse_permutation,
    layer_scans,
    sequence_permutation,
    token_permutation,
)

GRIDS = [(1, 1, 1), (1, 1, 5), (4, 1, 1), (2, 2, 3), (3, 5, 2), (8, 14, 14)]

# Canonical indices of two frames of two rows of three tokens:
#    0  1  2      6  7  8
#    3  4  5      9 10 11
BY_HAND_2X2X3 = {
    "spatial_first": [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
    "temporal_first": [0, 6, 1, 7, 2, 8, 3, 9, 4, 10, 5, 11],
    "column_first": [0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11],
    # Right, down, left; into the next frame at the same place; right, up, left.
    "boustrophedon": [0, 1, 2, 5, 4, 3, 9, 10, 11, 8, 7, 6],
}


def places(token_order, t, h, w):
    """Frame, row and column of every token in the order in which it is read."""
    index = token_permutation(token_order, t, h, w)
    return torch.stack([index // (h * w), index // w % h, index % w], dim=1)


@pytest.mark.parametrize("token_order", TOKEN_ORDERS)
def test_the_grid_worked_out_by_hand(token_order):
    assert token_permutation(token_order, 2, 2, 3).tolist() == BY_HAND_2X2X3[token_order]


@pytest.mark.parametrize("grid", GRIDS, ids=str)
@pytest.mark.parametrize("token_order", TOKEN_ORDERS)
def test_every_token_is_read_once(token_order, grid):
    permutation = token_permutation(token_order, *grid)
    t, h, w = grid
    assert permutation.dtype == torch.long
    assert permutation.shape == (t * h * w,)
    assert torch.equal(permutation.sort().values, torch.arange(t * h * w))


@pytest.mark.parametrize("grid", GRIDS, ids=str)
@pytest.mark.parametrize("token_order", TOKEN_ORDERS)
def test_the_inverse_undoes_the_permutation(token_order, grid):
    permutation = token_permutation(token_order, *grid)
    inverse = inverse_permutation(permutation)
    canonical = torch.arange(permutation.numel())
    assert torch.equal(permutation[inverse], canonical)
    assert torch.equal(inverse[permutation], canonical)
    tokens = torch.rand(permutation.numel(), 3, generator=torch.Generator().manual_seed(0))
    assert torch.equal(tokens[permutation][inverse], tokens)


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_every_step_of_the_boustrophedon_goes_to_a_neighbour(grid):
    steps = places("boustrophedon", *grid).diff(dim=0).abs().sum(1)
    assert torch.equal(steps, torch.ones_like(steps))


@pytest.mark.parametrize(
    ("token_order", "slow_to_fast"),
    [
        ("spatial_first", (0, 1, 2)),
        ("temporal_first", (1, 2, 0)),
        ("column_first", (0, 2, 1)),
    ],
)
def test_plain_orders_count_up_with_one_axis_fastest(token_order, slow_to_fast):
    grid = (3, 4, 5)
    read = places(token_order, *grid)[:, list(slow_to_fast)]
    _, middle, fast = (grid[axis] for axis in slow_to_fast)
    number = (read[:, 0] * middle + read[:, 1]) * fast + read[:, 2]
    assert torch.equal(number, torch.arange(3 * 4 * 5))


def test_one_frame_read_temporal_first_is_read_row_by_row():
    assert torch.equal(
        token_permutation("temporal_first", 1, 4, 5), token_permutation("spatial_first", 1, 4, 5)
    )


@pytest.mark.parametrize("prefix", [0, 1, 3])
@pytest.mark.parametrize("token_order", TOKEN_ORDERS)
def test_tokens_before_the_grid_stay_in_front(token_order, prefix):
    permutation, inverse = sequence_permutation(token_order, 2, 2, 3, prefix)
    assert permutation[:prefix].tolist() == list(range(prefix))
    assert (permutation[prefix:] - prefix).tolist() == BY_HAND_2X2X3[token_order]
    assert torch.equal(permutation[inverse], torch.arange(12 + prefix))


S, T = ("spatial_first",), ("temporal_first",)
PLANS_OF_FIVE_LAYERS = {
    "spatial_first": [(S, S)] * 5,
    "temporal_first": [(T, T)] * 5,
    "spatiotemporal_v1": [(S, T)] * 5,
    "spatiotemporal_v2": [(S + T, S + T)] * 5,
    "half_spatial_half_temporal": [(S, S)] * 2 + [(T, T)] * 3,
    "half_temporal_half_spatial": [(T, T)] * 2 + [(S, S)] * 3,
    "alternating": [(S, S), (T, T), (S, S), (T, T), (S, S)],
}


def test_the_seven_scan_orders():
    assert tuple(PLANS_OF_FIVE_LAYERS) == SCAN_ORDERS
    assert {"spatial_first"} == PUBLISHED_SCAN_ORDERS


@pytest.mark.parametrize("scan_order", SCAN_ORDERS)
def test_the_plan_of_five_layers(scan_order):
    plan = layer_scans(scan_order, 5)
    assert [(layer.forward, layer.backward) for layer in plan] == PLANS_OF_FIVE_LAYERS[scan_order]


@pytest.mark.parametrize("depth", [1, 2, 6, 24])
@pytest.mark.parametrize("scan_order", SCAN_ORDERS)
def test_plans_of_other_depths(scan_order, depth):
    plan = layer_scans(scan_order, depth)
    assert len(plan) == depth
    assert {order for layer in plan for order in layer.token_orders} <= set(TOKEN_ORDERS)
    halves = {"half_spatial_half_temporal": S, "half_temporal_half_spatial": T}
    if scan_order in halves:
        first = [layer.forward == halves[scan_order] for layer in plan]
        assert first == [i < depth // 2 for i in range(depth)]


def test_a_layer_names_each_token_order_once():
    assert layer_scans("spatiotemporal_v1", 1)[0].token_orders == S + T
    assert layer_scans("spatiotemporal_v2", 1)[0].token_orders == S + T
    assert layer_scans("temporal_first", 1)[0].token_orders == T


def test_unknown_names_list_the_known_ones():
    with pytest.raises(ValueError) as error:
        token_permutation("spiral", 2, 2, 2)
    assert str(error.value) == (
        f"unknown token order 'spiral'; choose one of {', '.join(TOKEN_ORDERS)}"
    )
    with pytest.raises(ValueError) as error:
        layer_scans("spiral", 4)
    assert str(error.value) == (
        f"unknown scan order 'spiral'; choose one of {', '.join(SCAN_ORDERS)}"
    )


@pytest.mark.parametrize("grid", [(0, 2, 2), (2, 0, 2), (2, 2, 0), (2, 2, -1)], ids=str)
def test_an_empty_grid_is_refused(grid):
    with pytest.raises(ValueError, match="a token grid needs at least one token a side"):
        token_permutation("spatial_first", *grid)
