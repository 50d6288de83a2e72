"""Rows against dense matrices built from the equations (analysis spec, sections 2, 3 and 11)."""

from dataclasses import replace

import pytest
import torch

from analysis.attribution.exact.frozen_scan import FrozenScan, Switches
from analysis.attribution.exact.groups import group_contributions
from analysis.attribution.exact.rows import hidden_attention_row, row_contributions
from analysis.models import create_model
from analysis.ops.scan_order import SCAN_ORDERS
from analysis.tracing.recorder import record
from analysis.tracing.scan_trace import DIRECTIONS

ORDERS = ("spatial_first", "temporal_first", "spatiotemporal_v1", "spatiotemporal_v2")
TOKENS = {"CLS": 0, "first patch": 1, "middle": 9, "last": 18}


@pytest.fixture(scope="module", params=ORDERS)
def case(request, make_layer, make_dense):
    layer, record = make_layer(request.param)
    return layer, make_dense(record)


def scan_alpha(scan):
    """alpha (E, L, L) of a traced scan, a row at a time."""
    length = len(scan.positions)
    rows = torch.zeros(length, length, scan.x.shape[1], dtype=scan.x.dtype)
    for step in range(length):
        rows[step, : step + 1] = hidden_attention_row(scan, step)
    return rows.permute(2, 0, 1)


def test_hidden_attention_is_the_dense_matrix_of_the_same_direction(case):
    layer, dense = case
    for scan in layer.scans:
        expected = dense.alpha[scan.direction, scan.token_order]
        torch.testing.assert_close(scan_alpha(scan), expected, rtol=1e-10, atol=1e-13)


def test_the_directions_differ_so_that_mixing_them_up_would_show(case):
    _, dense = case
    forward, backward = (
        next(a for (direction, _), a in dense.alpha.items() if direction == name)
        for name in DIRECTIONS
    )
    assert (forward - backward).norm() > 0.1 * forward.norm()


def test_hidden_attention_and_skip_give_the_output_of_the_recurrence(case):
    layer, _ = case
    for scan in layer.scans:
        read = scan.positions
        y = torch.einsum("ets,se->te", scan_alpha(scan), scan.u[read]) + scan.D * scan.u[read]
        torch.testing.assert_close(y, scan.y[read], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("scan_order", SCAN_ORDERS)
def test_in_float32_parts_reach_outputs_to_a_hundred_thousandth(make_model, clip, scan_order):
    """Sections 2 and 3: of the recurrence, and of the layer as the fused kernels answer."""
    layer = record(make_model(scan_order, torch.float32), clip.float()).layer(-1)
    for scan in layer.scans:
        read = scan.positions
        y = torch.einsum("ets,se->te", scan_alpha(scan), scan.u[read]) + scan.D * scan.u[read]
        assert (y - scan.y[read]).norm() < 1e-5 * scan.y.norm()
    rows = [row_contributions(layer, token) for token in range(layer.grid.length)]
    summed = torch.stack([row.vectors.sum((0, 1)) + row.bias.sum(0) for row in rows])
    assert (summed - layer.output).norm() < 1e-5 * layer.output.norm()
    assert summed.dtype == torch.float32


def test_diagonal_is_one_step(case):
    layer, _ = case
    for scan in layer.scans:
        expected = scan.dt * (scan.B * scan.C).sum(1, keepdim=True)
        diagonal = scan_alpha(scan).diagonal(dim1=1, dim2=2).T
        torch.testing.assert_close(diagonal, expected[scan.positions], rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("token", TOKENS.values(), ids=TOKENS)
@pytest.mark.parametrize("level", ["value", "pre_conv", "residual"])
def test_parts_are_those_of_the_dense_matrices_and_add_up(case, token, level):
    layer, dense = case
    row = row_contributions(layer, token, level=level)
    if level == "residual":
        expected = dense.contributions(layer.out_weight)[:, token]
        torch.testing.assert_close(row.vectors, expected, rtol=1e-10, atol=1e-13)
        bias = (dense.gate * dense.bias)[:, token] @ layer.out_weight.T
        torch.testing.assert_close(row.bias, bias, rtol=1e-10, atol=1e-13)
    elif level == "pre_conv":
        expected = torch.einsum("qes,se->qse", dense.mixing[:, :, token], dense.x)
        torch.testing.assert_close(row.vectors, expected, rtol=1e-10, atol=1e-13)
        torch.testing.assert_close(row.bias, dense.bias[:, token], rtol=1e-10, atol=1e-13)
    else:
        assert row.bias.abs().max() == 0
    assert row.completeness_error < 1e-10
    assert row.dtype == "float64"
    assert row.settings["level"] == level


@pytest.mark.parametrize("token", TOKENS.values(), ids=TOKENS)
def test_signed_shares_and_the_bias_share_sum_to_one(case, token):
    layer, _ = case
    row, output = row_contributions(layer, token), layer.output[token]
    shares = (row.vectors.sum(0) @ output) / output.square().sum()
    assert shares.sum().item() + row.bias_share == pytest.approx(1, abs=1e-10)
    assert abs(row.bias_share) > 1e-3


@pytest.mark.parametrize("token", TOKENS.values(), ids=TOKENS)
def test_sources_lie_on_the_side_that_a_direction_has_read(token, make_layer):
    layer, _ = make_layer("spatial_first")
    forward, backward = row_contributions(layer, token).vectors
    assert forward[token + 1 :].abs().sum() == 0
    assert backward[:token].abs().sum() == 0
    assert forward[token].norm() > 0 < backward[token].norm()


def test_the_cls_row_ends_with_the_cls_token_itself(make_layer):
    """Reference helpers have left out its own term and stopped the decay a step early."""
    layer, _ = make_layer("spatial_first")
    scan = layer.direction("backward")[0]
    last = len(scan.positions) - 1
    row = hidden_attention_row(scan, last)
    own = scan.dt[0] * (scan.B[0] * scan.C[0]).sum()
    before = torch.exp(scan.dt[0, :, None] * scan.A) * scan.dt[1, :, None] * scan.B[1] @ scan.C[0]
    torch.testing.assert_close(row[-1], own)
    torch.testing.assert_close(row[-2], before)


SWITCHES = {
    "conv": Switches(conv=False),
    "silu": Switches(silu=False),
    "gate": Switches(gate=False),
    "skip": Switches(skip=False),
}


@pytest.mark.parametrize("name", SWITCHES)
@pytest.mark.parametrize("token", [0, 9])
def test_each_switch_changes_the_sum_by_exactly_the_removed_term(
    name, token, make_layer, make_dense
):
    """By the closed form of a row and by a frozen scan of every source."""
    layer, record = make_layer("spatiotemporal_v2")
    full, less = make_dense(record), make_dense(record, **{name: True})

    def output(dense):
        y = torch.einsum("qets,se->te", dense.mixing, dense.x) + dense.bias.sum(0)
        return ((dense.gate * y) @ layer.out_weight.T)[token]

    removed = output(full) - output(less)
    every, whole = torch.arange(layer.grid.length), row_contributions(layer, token)
    row = row_contributions(layer, token, switches=SWITCHES[name])
    groups = group_contributions(layer, every, switches=SWITCHES[name])
    for vectors, bias in (
        (row.vectors, row.bias),
        (groups.vectors[:, :, token], groups.bias[:, token]),
    ):
        found = (whole.vectors - vectors).sum((0, 1)) + (whole.bias - bias).sum(0)
        torch.testing.assert_close(found, removed, rtol=1e-9, atol=1e-12)
        torch.testing.assert_close(vectors, less.contributions(layer.out_weight)[:, token])
    assert removed.norm() > 1e-3 * whole.total.norm()
    assert row.completeness_error == pytest.approx(
        (removed.norm() / whole.total.norm()).item(), rel=1e-6
    )
    assert row.settings["switched_off"] == groups.settings["switched_off"] == (name,)


def test_adjoint_row_is_the_formula_row(case):
    layer, _ = case
    for token in (0, 9):
        cotangent = torch.zeros_like(layer.z)
        cotangent[token] = layer.gate[token]
        row = row_contributions(layer, token)
        parts = [
            sum(
                scan.share * frozen.adjoint(cotangent) * frozen.sources
                for scan in layer.direction(direction)
                for frozen in [FrozenScan(scan, "residual")]
            )
            for direction in DIRECTIONS
        ]
        found = torch.stack(parts) @ layer.out_weight.T
        torch.testing.assert_close(found, row.vectors, rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("stop_below", [0.3, 1e-1, 1e-2])
@pytest.mark.parametrize("token", [0, 18])
def test_an_early_stop_drops_no_more_than_it_says(make_layer, token, stop_below):
    layer, _ = make_layer("spatial_first")
    full = row_contributions(layer, token)
    stopped = row_contributions(layer, token, stop_below=stop_below)
    lost = stopped.vectors.sum((0, 1)) + stopped.bias.sum(0)
    lost = lost - full.vectors.sum((0, 1)) - full.bias.sum(0)
    assert lost.norm() / full.total.norm() <= stopped.dropped_bound
    assert stopped.completeness_error <= stopped.dropped_bound + 1e-12
    assert full.dropped_bound == 0


def test_an_early_stop_really_stops(make_layer):
    layer, _ = make_layer("spatial_first")
    stopped = row_contributions(layer, 18, stop_below=0.3)
    assert 0 < stopped.dropped_bound < 1
    assert stopped.vectors[0, 0].abs().sum() == 0 < stopped.vectors[0, 17].abs().sum()


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"token": 19}, "sequence of 19 tokens"),
        ({"token": 1, "level": "pixel"}, "choose value, pre_conv, residual"),
        ({"token": 1, "stop_below": 2.0}, "share between 0 and 1"),
    ],
    ids=["token", "level", "stop"],
)
def test_what_cannot_be_asked(make_layer, settings, sentence):
    layer, _ = make_layer("spatial_first")
    with pytest.raises(ValueError, match=sentence):
        row_contributions(layer, **settings)


def test_hidden_attention_is_linear_in_b(make_layer):
    scan = make_layer("spatial_first")[0].scans[1]
    tripled = hidden_attention_row(replace(scan, B=3 * scan.B), 12)
    torch.testing.assert_close(tripled, 3 * hidden_attention_row(scan, 12), rtol=1e-12, atol=0)


def test_a_state_that_forgets_at_once_leaves_the_diagonal(make_layer):
    scan = make_layer("spatial_first")[0].scans[0]
    row = hidden_attention_row(replace(scan, A=scan.A * 1e9), 12)
    assert row[:-1].abs().max() == 0
    torch.testing.assert_close(row[-1], hidden_attention_row(scan, 12)[-1])


def test_nothing_keeps_gradients(make_layer):
    row = row_contributions(make_layer("spatial_first")[0], 3)
    assert not any(x.requires_grad for x in (row.vectors, row.bias, row.total))


def test_running_sums_in_float32_would_not_do(make_layer):
    """3137 steps that sum to 576, |A| = 16: single sums err by 1e-3, ours by rounding alone."""
    generator = torch.Generator().manual_seed(0)
    dt = torch.rand(3137, 1, generator=generator) * (2 * 576 / 3137)
    positions, ones = torch.arange(len(dt)), torch.ones(len(dt), 1)
    scan = replace(
        make_layer("spatial_first")[0].scans[0],
        dt=dt,
        A=torch.tensor([[-16.0]]),
        B=ones,
        C=ones,
        D=torch.ones(1),
        positions=positions,
    )
    found = hidden_attention_row(scan, 3136, first=3132)
    wide = dt.double().cumsum(0)[3132:]
    exact = torch.exp(-16 * (wide[-1] - wide)) * dt[3132:]
    single = dt.cumsum(0)[3132:]
    rough = torch.exp(-16 * (single[-1] - single)) * dt[3132:]
    torch.testing.assert_close(found.double(), exact, rtol=1e-5, atol=0)
    assert ((rough - exact).abs() / exact).max() > 1e-4


def test_long_scans_do_not_overflow():
    """exp(-A S) alone would be infinite from S |A| > 88 on; differences never are."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = create_model("videomamba_debug", image_size=64)
        video = torch.randn(3, 4, 64, 64)
    layer = record(model, video).layer(0)
    scan = replace(layer.scans[0], dt=layer.scans[0].dt * 20)
    assert scan.elapsed()[-1].min() * scan.A.abs().max() > 1e4
    row = hidden_attention_row(scan, 1024)
    assert torch.isfinite(row).all()
    expected = scan.dt[1024] * (scan.B[1024] * scan.C[1024]).sum()
    torch.testing.assert_close(row[-1], expected)
