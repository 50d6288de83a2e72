"""The matrix of blocks against the dense matrices of a small float64 model."""

import numpy as np
import pytest
import torch

from analysis.attribution.exact import block_matrix as module
from analysis.attribution.exact.block_matrix import block_matrix, token_blocks
from analysis.layers.token_grid import TokenGrid

ORDERS = ("spatial_first", "temporal_first", "spatiotemporal_v1", "spatiotemporal_v2")


@pytest.fixture(params=ORDERS)
def layer_and_parts(request, make_layer, make_dense):
    """A traced layer and its contributions (receivers, sources, D), by dense matrices."""
    layer, record = make_layer(request.param)
    return layer, make_dense(record).contributions(layer.out_weight).sum(0)


@pytest.fixture
def direction(make_layer):
    """One vector a receiver, as the slope of a logit is."""
    shape = make_layer()[0].output.shape
    return torch.randn(shape, generator=torch.Generator().manual_seed(4), dtype=torch.float64)


@pytest.mark.parametrize(
    ("grid", "side", "blocks"),
    [
        pytest.param(TokenGrid(2, 1, 3), 6, [0, 1, 2, 3, 4, 5, 6], id="all fit"),
        pytest.param(TokenGrid(2, 1, 3), 4, [0, 1, 1, 2, 3, 3, 4], id="pairs, one left over"),
        pytest.param(TokenGrid(3, 2, 2), 3, [0] + 4 * [1] + 4 * [2] + 4 * [3], id="frames"),
        pytest.param(TokenGrid(3, 1, 2), 1, [0, 1, 1, 2, 2, 3, 3], id="never across frames"),
    ],
)
def test_blocks_lie_within_frames(grid, side, blocks):
    assert token_blocks(grid, side).tolist() == blocks


def test_blocks_of_one_token_are_every_pair(layer_and_parts):
    layer, parts = layer_and_parts
    found = block_matrix(layer)
    np.testing.assert_allclose(found.values, parts.norm(dim=-1), rtol=1e-6)
    assert found.completeness_error < 1e-10
    assert (found.per_frame, found.tokens_per_block) == (6, 1)


def test_the_directional_map_is_the_component_along_a_vector(layer_and_parts, direction):
    layer, parts = layer_and_parts
    found = block_matrix(layer, direction)
    expected = torch.einsum("tsd,td->ts", parts, direction)
    np.testing.assert_allclose(found.values, expected, rtol=1e-6, atol=1e-9)
    total = (direction * layer.output).sum().item()
    assert found.values.sum(dtype=float) + found.bias_share * total == pytest.approx(total, 1e-6)
    assert found.completeness_error < 1e-10


@pytest.mark.parametrize("along", [False, True], ids=["lengths", "directional"])
def test_larger_blocks_give_sums_and_receive_means_or_sums(layer_and_parts, direction, along):
    layer, parts = layer_and_parts
    found = block_matrix(layer, direction if along else None, largest_side=layer.grid.t)
    assert (found.per_frame, found.tokens_per_block) == (1, layer.grid.h * layer.grid.w)
    groups = token_blocks(layer.grid, layer.grid.t)
    for receivers in range(layer.grid.t + 1):
        for sources in range(layer.grid.t + 1):
            vectors = parts[groups == receivers][:, groups == sources].sum(1)
            if along:
                expected = (vectors * direction[groups == receivers]).sum().item()
            else:
                expected = vectors.norm(dim=-1).mean().item()
            assert found.values[receivers, sources] == pytest.approx(expected, rel=1e-5)


def test_blocks_taken_a_few_at_a_time_give_the_same_matrix(make_layer, monkeypatch):
    layer, _ = make_layer("temporal_first")
    whole, heard = block_matrix(layer), []
    per_block = layer.z.numel() * layer.z.element_size()
    monkeypatch.setattr(module, "_CHUNK_BYTES", 5 * per_block)
    cut = block_matrix(layer, progress=heard.append)
    np.testing.assert_allclose(cut.values, whole.values, rtol=1e-6)
    assert heard == [5 / 19, 10 / 19, 15 / 19, 1.0]
