"""Maps of one layer against dense matrices built from the equations, in float64."""

import pytest
import torch
import torch.nn.functional as F

from analysis.attribution.exact.block_matrix import block_matrix
from analysis.attribution.token_maps import MAPS, MapQuery, latim_error, token_map
from analysis.tracing.recorder import record

ORDERS = ["spatial_first", "spatiotemporal_v1", "spatiotemporal_v2"]


def trace(model, clip, layer=-1):
    return record(model, clip, [layer]).layer(layer)


def dense_alpha(scan):
    """(E, L, L) in scan order: what the recurrence passes from u[s] to y[t]."""
    read = scan.positions
    dt, B, C = scan.dt[read], scan.B[read], scan.C[read]
    elapsed = dt.cumsum(0)
    decay = torch.exp((elapsed[:, None] - elapsed[None])[..., None].clamp(min=0) * scan.A)
    return torch.einsum("tn,tsen,se,sn->ets", C, decay, dt, B).tril()


def dense_taps(scan):
    """T (E, L, L) in scan order: the convolution without its bias."""
    length, taps = len(scan.positions), scan.conv_weight.shape[1]
    matrix = torch.zeros(len(scan.conv_weight), length, length, dtype=scan.x.dtype)
    for k in range(taps):
        behind = taps - 1 - k
        for t in range(behind, length):
            matrix[:, t, t - behind] = scan.conv_weight[:, k]
    return matrix


def canonical(matrix, scan):
    """Both token axes of (..., L, L) from the order of a scan to canonical order."""
    return matrix[..., scan.steps, :][..., scan.steps]


def dense_mixing(layer, skip):
    """(E, L, L): (alpha + D) Q T of all scans, in canonical order."""
    total = 0
    for scan in layer.scans:
        alpha = dense_alpha(scan)
        if skip:
            alpha = alpha + torch.diag_embed(scan.D[:, None].expand(-1, alpha.shape[1]))
        frozen = torch.sigmoid(scan.c[scan.positions]).T[:, :, None] * dense_taps(scan)
        total = total + scan.share * canonical(alpha @ frozen, scan)
    return total


def dense_latim(layer):
    """(L, L, D): every tap through SiLU alone, then recurrence, skip, gate and projection."""
    total = 0
    for scan in layer.scans:
        alpha = dense_alpha(scan)
        alpha = alpha + torch.diag_embed(scan.D[:, None].expand(-1, alpha.shape[1]))
        values = F.silu(dense_taps(scan) * scan.x[scan.positions].T[:, None])
        total = total + scan.share * canonical(alpha @ values, scan)
    return (total.permute(1, 2, 0) * layer.gate[:, None]) @ layer.out_weight.T


def dense_exact(layer):
    inner = dense_mixing(layer, skip=True) * layer.scans[0].x.T[:, None]
    return (inner.permute(1, 2, 0) * layer.gate[:, None]) @ layer.out_weight.T


def close(found, expected):
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12 * float(expected.abs().max()))


@pytest.fixture(params=ORDERS)
def layer(request, disturbed_model, small_clip):
    return trace(disturbed_model(request.param), small_clip)


@pytest.fixture
def upstream(layer):
    generator = torch.Generator().manual_seed(7)
    return torch.randn(layer.output.shape, generator=generator, dtype=layer.output.dtype)


def test_hidden_attention_is_the_mean_magnitude_of_alpha(layer):
    expected = sum(
        scan.share * canonical(dense_alpha(scan), scan).abs().mean(0) for scan in layer.scans
    )
    close(token_map(MapQuery(layer), "hidden attention"), expected)


@pytest.mark.parametrize("skip", [False, True])
def test_implicit_attention_is_gate_alpha_sigmoid_and_taps(layer, skip):
    expected = (layer.gate.T[:, :, None] * dense_mixing(layer, skip)).abs().mean(0)
    close(token_map(MapQuery(layer, skip=skip), "implicit attention"), expected)


@pytest.mark.parametrize(("kind", "vectors"), [("latim", dense_latim), ("exact", dense_exact)])
def test_contribution_maps_are_lengths_of_vectors(layer, kind, vectors):
    close(token_map(MapQuery(layer), kind), vectors(layer).norm(dim=-1))


def test_maps_for_a_class_keep_what_raises_the_logit(layer, upstream):
    """Entry times its gradient, the gradient by autograd through the dense sums."""
    into_gate = upstream @ layer.out_weight
    expected = 0
    for scan in layer.scans:
        alpha = canonical(dense_alpha(scan), scan).requires_grad_()
        y = torch.einsum("ets,se->te", alpha, scan.u)
        logit = (upstream * ((layer.gate * y) @ layer.out_weight.T)).sum()
        (gradient,) = torch.autograd.grad(logit, alpha)
        expected = expected + scan.share * (alpha * gradient).clamp(min=0).mean(0).detach()
    close(token_map(MapQuery(layer, upstream), "hidden attention"), expected)

    entries = (layer.gate.T[:, :, None] * dense_mixing(layer, skip=False)).requires_grad_()
    inner = torch.einsum("ets,se->te", entries, layer.scans[0].x)
    (gradient,) = torch.autograd.grad((into_gate * inner).sum(), entries)
    expected = (entries * gradient).clamp(min=0).mean(0).detach()
    close(token_map(MapQuery(layer, upstream), "implicit attention"), expected)


@pytest.mark.parametrize(("kind", "vectors"), [("latim", dense_latim), ("exact", dense_exact)])
def test_contributions_for_a_class_are_projected_on_the_gradient(layer, upstream, kind, vectors):
    expected = torch.einsum("tsd,td->ts", vectors(layer), upstream).clamp(min=0)
    close(token_map(MapQuery(layer, upstream), kind), expected)


def test_the_exact_map_is_that_of_the_exact_contributions(layer):
    found = token_map(MapQuery(layer), "exact")
    reference = torch.from_numpy(block_matrix(layer).values)
    torch.testing.assert_close(found.float(), reference, rtol=1e-5, atol=1e-7)


def test_latims_error_is_what_its_parts_miss(layer):
    missed = dense_latim(layer).sum(1) - layer.output
    expected = float(missed.norm() / layer.output.norm())
    assert latim_error(layer) == pytest.approx(expected, rel=1e-9)
    assert expected > 0.01


def test_latim_is_exact_where_the_convolution_has_one_tap_and_no_bias(disturbed_model, small_clip):
    model = disturbed_model()
    for block in model.layers:
        for name in ("conv1d", "conv1d_b"):
            conv = block.mixer.get_submodule(name)
            conv.weight.data[..., :-1] = 0
            conv.bias.data.zero_()
    layer = trace(model, small_clip)
    assert latim_error(layer) < 1e-12
    close(token_map(MapQuery(layer), "latim"), token_map(MapQuery(layer), "exact"))


def test_implicit_attention_without_gate_taps_and_sigmoid_is_hidden_attention(
    disturbed_model, small_clip
):
    """Gate 1, one tap 1 and an open SiLU leave alpha alone; one direction is silenced."""
    model = disturbed_model()
    mixer = model.layers[-1].mixer
    for name, bias in (("conv1d", 60.0), ("conv1d_b", 0.0)):
        conv = mixer.get_submodule(name)
        conv.weight.data.zero_()
        conv.weight.data[..., -1] = float(bias > 0)
        conv.bias.data.fill_(bias)
    layer = trace(model, small_clip)
    ungated = type(layer)(**{**vars(layer), "gate": torch.ones_like(layer.gate)})
    forward = type(layer)(**{**vars(ungated), "scans": layer.scans[:1]})
    close(
        token_map(MapQuery(ungated), "implicit attention"),
        token_map(MapQuery(forward), "hidden attention"),
    )


def test_the_row_of_cls_comes_through_the_backward_scan_alone(disturbed_model, small_clip):
    layer = trace(disturbed_model(), small_clip)
    forward, backward = (canonical(dense_alpha(scan), scan) for scan in layer.scans)
    assert not forward[:, 0, 1:].any()
    row = token_map(MapQuery(layer), "hidden attention")[0]
    close(row[1:], backward[:, 0, 1:].abs().mean(0))


@pytest.mark.parametrize("kind", MAPS)
def test_the_backward_direction_has_its_own_parameters(disturbed_model, small_clip, kind):
    """Other forward parameters change what flows forward, and nothing else."""
    model = disturbed_model()
    before = token_map(MapQuery(trace(model, small_clip, 0)), kind)
    mixer = model.layers[0].mixer
    for name in ("conv1d.weight", "x_proj.weight", "dt_proj.bias", "A_log"):
        mixer.get_parameter(name).data += 0.3
    after = token_map(MapQuery(trace(model, small_clip, 0)), kind)
    close(after.triu(1), before.triu(1))
    assert not torch.allclose(after.tril(-1), before.tril(-1))


@pytest.mark.parametrize("kind", MAPS)
def test_single_precision_and_blocks_give_the_same(disturbed_model, small_clip, kind, monkeypatch):
    model = disturbed_model("spatiotemporal_v2")
    expected = token_map(MapQuery(trace(model, small_clip)), kind)
    monkeypatch.setattr("analysis.attribution.token_maps.BLOCK_BYTES", 5 * 13 * 16 * 4)
    found = token_map(MapQuery(trace(model.float(), small_clip.float())), kind)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.double(), expected, rtol=1e-4, atol=1e-5)
