"""The matrix of blocks against the dense matrices of a small float64 model."""

import pytest
import torch

from analysis.attribution.exact.block_matrix import block_matrix, token_blocks
from analysis.attribution.exact.matrix import contribution_matrix
from analysis.layers.token_grid import TokenGrid


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


def test_blocks_of_one_token_are_the_contribution_matrix(make_layer):
    layer, _ = make_layer()
    heard = []
    found = block_matrix(layer, progress=heard.append)
    expected = contribution_matrix(layer).values
    assert torch.allclose(torch.from_numpy(found.values), expected.float(), rtol=1e-5)
    assert found.completeness_error < 1e-10 and heard[-1] == 1


def test_larger_blocks_give_sums_and_receive_means(make_layer, make_dense):
    layer, record = make_layer("spatiotemporal_v2")
    parts = make_dense(record).contributions(layer.out_weight).sum(0)
    found = block_matrix(layer, largest_side=layer.grid.t)
    assert (found.per_frame, found.tokens_per_block) == (1, layer.grid.h * layer.grid.w)
    groups = token_blocks(layer.grid, layer.grid.t)
    for receivers in range(layer.grid.t + 1):
        for sources in range(layer.grid.t + 1):
            vectors = parts[groups == receivers][:, groups == sources].sum(1)
            expected = vectors.norm(dim=-1).mean().item()
            assert found.values[receivers, sources] == pytest.approx(expected, rel=1e-5)
