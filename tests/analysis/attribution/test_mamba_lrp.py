"""MambaLRP: conservation, every rule by itself, and values that the edits leave alone."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from analysis.attribution.attribution import attribute
from analysis.attribution.lrp_rules import LrpRules
from analysis.attribution.mamba_lrp import EditedForward
from analysis.layers.block import make_norm

OFF = {"silu": False, "scan": False, "gate": False, "norm": False}
RULES = tuple(OFF)
SWITCHES = [(True,) * 4, (False,) * 4, *(tuple(i == k for i in range(4)) for k in range(4))]


def without_biases(model):
    """Nothing added to pixels and the CLS token; the bias of the step sizes adds nothing."""
    for name, parameter in model.named_parameters():
        table = name in ("pos_embed", "temporal_pos_embedding")
        if table or (name.endswith("bias") and "dt_proj" not in name):
            parameter.data.zero_()
    return model


CASES = [
    ("spatial_first", "cls", "rms"),
    ("spatial_first", "mean", "layer"),
    ("spatiotemporal_v1", "mean", "rms"),
    ("spatiotemporal_v2", "cls", "layer"),
]


@pytest.mark.parametrize(("dtype", "limit"), [(torch.float64, 1e-8), (torch.float32, 1e-4)])
@pytest.mark.parametrize(("scan_order", "readout", "norm"), CASES)
@pytest.mark.parametrize("gamma", [0, 0.25])
def test_without_biases_pixels_and_cls_hold_the_logit(
    disturbed_model, small_clip, scan_order, readout, norm, gamma, dtype, limit
):
    model = without_biases(disturbed_model(scan_order, dtype, readout=readout, norm=norm))
    with torch.no_grad():
        logit = float(model(small_clip[None].to(dtype))[0, 1])
    found = attribute(model, small_clip, "mamba_lrp", 1, gamma=gamma)
    assert found.completeness_error < limit
    assert found.bias_share == 0
    total = found.values.sum(dtype=np.float64) + found.cls_value
    assert total == pytest.approx(logit, rel=1e-4)
    assert abs(total - found.cls_value) > 1e-3 * abs(logit)


@pytest.mark.parametrize(("scan_order", "readout", "norm"), CASES)
@pytest.mark.parametrize("gamma", [0, 0.25])
def test_with_biases_the_gap_is_theirs(
    disturbed_model, small_clip, scan_order, readout, norm, gamma
):
    model = disturbed_model(scan_order, readout=readout, norm=norm)
    with torch.no_grad():
        logit = float(model(small_clip[None])[0, 4])
    found = attribute(model, small_clip, "mamba_lrp", 4, gamma=gamma)
    gap = (logit - found.values.sum(dtype=np.float64) - found.cls_value) / logit
    assert found.bias_share == pytest.approx(gap, rel=1e-4)
    assert abs(found.bias_share) > 1e-3
    assert found.completeness_error < 1e-10


@pytest.mark.parametrize("scan_order", ["spatial_first", "spatiotemporal_v1"])
@pytest.mark.parametrize("norm", ["rms", "layer"])
def test_with_all_rules_off_it_is_gradient_times_input(
    disturbed_model, small_clip, scan_order, norm
):
    model = disturbed_model(scan_order, norm=norm)
    plain = attribute(model, small_clip, "input_x_gradient", 0)
    found = attribute(model, small_clip, "mamba_lrp", 0, **OFF)
    np.testing.assert_allclose(found.pixels, plain.pixels, rtol=1e-5, atol=1e-9)
    assert found.completeness_error > 1e-3


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_counts(disturbed_model, small_clip, rule):
    model = disturbed_model()
    everything = attribute(model, small_clip, "mamba_lrp", 0)
    alone = attribute(model, small_clip, "mamba_lrp", 0, **OFF | {rule: True})
    nothing = attribute(model, small_clip, "mamba_lrp", 0, **OFF)
    assert not np.allclose(alone.values, nothing.values, rtol=1e-3)
    without = attribute(model, small_clip, "mamba_lrp", 0, **{rule: False})
    assert not np.allclose(without.values, everything.values, rtol=1e-3)
    assert without.completeness_error > 1e-6 > everything.completeness_error


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("switches", SWITCHES, ids=str)
def test_the_edits_change_no_value(disturbed_model, small_clip, switches, dtype):
    model = disturbed_model("spatiotemporal_v2", dtype)
    rules = LrpRules(*switches, gamma=0.25)
    clip = small_clip[None].to(dtype)
    with torch.no_grad():
        expected = model(clip)
        found = EditedForward(model, rules).logits(clip)
    limit = 1e-12 if dtype == torch.float64 else 1e-5
    torch.testing.assert_close(found, expected, rtol=limit, atol=limit)


def relevance(function, *inputs):
    """Input times gradient of the sum of what a function gives."""
    leaves = [x.clone().requires_grad_() for x in inputs]
    gradients = torch.autograd.grad(function(*leaves).sum(), leaves, allow_unused=True)
    return [
        torch.zeros_like(x) if g is None else x.detach() * g
        for x, g in zip(leaves, gradients, strict=True)
    ]


NUMBERS = torch.tensor([-3.0, -0.5, 0.25, 2.0], dtype=torch.float64)


def test_silu_passes_its_value_on():
    (found,) = relevance(LrpRules().apply_silu, NUMBERS)
    torch.testing.assert_close(found, F.silu(NUMBERS))
    (plain,) = relevance(LrpRules(silu=False).apply_silu, NUMBERS)
    (expected,) = relevance(F.silu, NUMBERS)
    torch.testing.assert_close(plain, expected)


def test_a_gated_product_gives_half_to_each():
    other = NUMBERS.flip(0) + 1
    for found in relevance(LrpRules().multiply, NUMBERS, other):
        torch.testing.assert_close(found, NUMBERS * other / 2)
    for found in relevance(LrpRules(gate=False).multiply, NUMBERS, other):
        torch.testing.assert_close(found, NUMBERS * other)


def test_what_steers_a_scan_gets_nothing():
    found = relevance(lambda x: LrpRules().select(x)[0] + 0 * x.sum(), NUMBERS)
    assert not found[0].any()
    (kept,) = relevance(lambda x: LrpRules(scan=False).select(x)[0], NUMBERS)
    torch.testing.assert_close(kept, NUMBERS)


@pytest.mark.parametrize("kind", ["rms", "layer"])
def test_a_norm_passes_its_value_on(kind):
    norm = make_norm(kind, 4).double()
    norm.weight.data = torch.tensor([1.0, -2.0, 0.5, 3.0], dtype=torch.float64)
    bias = getattr(norm, "bias", None)
    (found,) = relevance(lambda x: LrpRules().normalise(norm, x, bias), NUMBERS)
    (plain,) = relevance(lambda x: LrpRules(norm=False).normalise(norm, x, bias), NUMBERS)
    torch.testing.assert_close(found.sum(), norm(NUMBERS).detach().sum())
    (expected,) = relevance(norm, NUMBERS)
    torch.testing.assert_close(plain, expected)
    assert not torch.allclose(found, plain)


@pytest.mark.parametrize(
    ("patch", "weight", "bias", "expected", "of_bias"),
    [
        # 3 - 1 = 2: the 3 weighs 2 x 3, and 6 - 1 = 5 shares out 2.
        ([3.0, 1.0], [1.0, -1.0], 0.0, [12 / 5, -2 / 5], 0.0),
        # 1 - 3 = -2: the -3 weighs double.
        ([1.0, 3.0], [1.0, -1.0], 0.0, [2 / 5, -12 / 5], 0.0),
        # Negative input and weight agree with a positive sum.
        ([-3.0, 1.0], [-1.0, -1.0], 0.0, [12 / 5, -2 / 5], 0.0),
        # The bias of 2 weighs double beside 1 - 1: 4 + 2 - 1 = 5 shares out 2.
        ([1.0, 1.0], [1.0, -1.0], 2.0, [4 / 5, -2 / 5], 8 / 5),
        # Nothing comes of nothing.
        ([0.0, 0.0], [1.0, -1.0], 0.0, [0.0, 0.0], 0.0),
    ],
)
def test_gamma_favours_what_agrees_with_the_sum(patch, weight, bias, expected, of_bias):
    patch, weight, bias = (
        torch.tensor(x, dtype=torch.float64) for x in ([patch], [weight], [bias])
    )
    rules = LrpRules(gamma=1.0)
    found, gap = relevance(lambda x, b: rules.embed(x, weight, b), patch, bias)
    torch.testing.assert_close(found[0], torch.tensor(expected, dtype=torch.float64))
    assert float(gap) == pytest.approx(of_bias)
    value = F.linear(patch, weight, bias)
    torch.testing.assert_close(rules.embed(patch, weight, bias), value)
    (plain,) = relevance(lambda x: LrpRules().embed(x, weight, bias), patch)
    torch.testing.assert_close(plain, patch * weight)
