"""Matrices of pairs against dense matrices (analysis spec, sections 3 and 4)."""

import pytest
import torch

from analysis.attribution.exact.frozen_scan import Switches
from analysis.attribution.exact.groups import column_contributions
from analysis.attribution.exact.matrix import contribution_matrix
from analysis.attribution.exact.rows import row_contributions
from analysis.models import create_model
from analysis.tracing.recorder import record

ORDERS = ("spatial_first", "temporal_first", "spatiotemporal_v1", "spatiotemporal_v2")


@pytest.fixture(scope="module", params=ORDERS)
def case(request, make_layer, make_dense):
    layer, record = make_layer(request.param)
    return layer, make_dense(record)


@pytest.mark.parametrize("score", ["l2_norm", "l1_norm", "signed_share", "alti"])
def test_a_matrix_is_the_score_of_every_pair(case, score):
    layer, dense = case
    pairs = dense.contributions(layer.out_weight).sum(0)
    matrix = contribution_matrix(layer, score)
    o = layer.output[:, None]
    near = (o.abs().sum(-1) - (o - pairs).abs().sum(-1)).clamp(min=0)
    expected = {
        "l2_norm": pairs.square().sum(-1).sqrt(),
        "l1_norm": pairs.abs().sum(-1),
        "signed_share": (pairs * o).sum(-1) / o.square().sum(-1),
        "alti": near / near.sum(1, keepdim=True),
    }
    torch.testing.assert_close(matrix.values, expected[score], rtol=1e-8, atol=1e-12)
    assert matrix.completeness_error < 1e-10


def test_signed_shares_and_bias_share_sum_to_one(case):
    layer, _ = case
    matrix = contribution_matrix(layer, "signed_share")
    ones = torch.ones(layer.grid.length, dtype=torch.float64)
    torch.testing.assert_close(matrix.values.sum(1) + matrix.bias, ones, rtol=1e-9, atol=0)
    row = row_contributions(layer, 5)
    shares = (row.per_source @ row.total) / row.total.square().sum()
    assert shares.sum().item() + row.bias_share == pytest.approx(1, abs=1e-10)


def test_the_directional_map_is_the_component_along_a_vector(case):
    layer, dense = case
    direction = torch.randn(
        layer.output.shape[1], generator=torch.Generator().manual_seed(4), dtype=torch.float64
    )
    found = contribution_matrix(layer, "logit_share", direction=direction)
    expected = dense.contributions(layer.out_weight).sum(0) @ direction
    torch.testing.assert_close(found.values, expected, rtol=1e-9, atol=1e-12)
    summed = found.values.sum(1) + found.bias
    torch.testing.assert_close(summed, layer.output @ direction, rtol=1e-9, atol=1e-12)


def test_sources_taken_a_few_at_a_time_give_the_same_matrix(make_layer, monkeypatch):
    layer, _ = make_layer("temporal_first")
    whole = contribution_matrix(layer, "alti").values
    heard = []
    per_source = layer.z.numel() * layer.z.element_size()
    monkeypatch.setattr("analysis.attribution.exact.matrix._CHUNK_BYTES", 5 * per_source)
    cut = contribution_matrix(layer, "alti", progress=heard.append).values
    torch.testing.assert_close(cut, whole, rtol=1e-12, atol=0)
    assert heard == [5 / 19, 10 / 19, 15 / 19, 1.0]


LEFT_OUT = {
    "conv": Switches(conv=False),
    "silu": Switches(silu=False),
    "gate": Switches(gate=False),
    "skip": Switches(skip=False),
    "value level": Switches(),
}


@pytest.mark.parametrize("name", LEFT_OUT)
def test_columns_of_the_matrix_are_columns_under_every_switch(make_layer, name):
    layer, _ = make_layer("spatiotemporal_v2")
    settings = {"switches": LEFT_OUT[name], "level": "value" if " " in name else "residual"}
    matrix = contribution_matrix(layer, "l2_norm", **settings)
    for token in (0, 9, 18):
        column = column_contributions(layer, token, **settings)
        expected = column.per_receiver.norm(dim=-1)
        torch.testing.assert_close(matrix.values[:, token], expected, rtol=1e-9, atol=1e-13)


def test_the_compiled_columns_of_float32():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = create_model("videomamba_debug", scan_order="spatiotemporal_v1")
        layer = record(model, torch.randn(3, 4, 16, 16)).layer(-1)
    found = contribution_matrix(layer, "signed_share")
    assert found.completeness_error < 1e-4
    row = row_contributions(layer, 30)
    expected = (row.per_source @ row.total) / row.total.square().sum()
    torch.testing.assert_close(found.values[30], expected, rtol=1e-3, atol=1e-6)
