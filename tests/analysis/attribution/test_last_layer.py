"""The last layer's shares of a logit: they sum to it, and each is what it claims to be."""

import numpy as np
import pytest
import torch

from analysis.attribution.attribution import attribute
from analysis.tracing.recorder import record


@pytest.mark.parametrize(
    ("scan_order", "readout", "norm"),
    [
        ("spatial_first", "cls", "rms"),
        ("spatial_first", "mean", "layer"),
        ("spatiotemporal_v1", "cls", "layer"),
        ("spatiotemporal_v2", "mean", "rms"),
    ],
)
@pytest.mark.parametrize(("dtype", "limit"), [(torch.float64, 1e-10), (torch.float32, 1e-4)])
def test_tokens_and_biases_sum_to_the_logit(
    disturbed_model, small_clip, scan_order, readout, norm, dtype, limit
):
    model = disturbed_model(scan_order, dtype, readout=readout, norm=norm)
    with torch.no_grad():
        logit = float(model(small_clip[None].to(dtype))[0, 2])
    found = attribute(model, small_clip, "exact_last_layer", 2)
    assert found.completeness_error < limit
    total = found.values.sum(dtype=np.float64) + found.cls_value + found.bias_share * logit
    assert total == pytest.approx(logit, rel=1e-5)
    assert found.signed


def test_the_residual_stream_is_kept_apart_on_request(disturbed_model, small_clip):
    model = disturbed_model(readout="mean")
    whole, mixed = (
        attribute(model, small_clip, "exact_last_layer", 1, residual=residual)
        for residual in (True, False)
    )
    trace = record(model, small_clip)
    stream, residual = trace.final_residual, trace.layer(-1).residual
    scale = torch.rsqrt(stream.square().mean(-1, keepdim=True) + model.norm_f.eps)
    weights = (model.norm_f.weight * model.head.weight[1]).detach()
    along = (residual * scale * weights).sum(-1)[1:] / 12
    np.testing.assert_allclose((whole.values - mixed.values).ravel(), along, rtol=1e-4, atol=1e-6)
    share = whole.settings["residual_share"] * whole.settings["logit"]
    assert share == pytest.approx(float(along.sum()), rel=1e-6)
    assert mixed.completeness_error == whole.completeness_error


def test_a_patch_reaches_cls_in_the_last_layer_through_the_backward_scan(
    disturbed_model, small_clip
):
    model = disturbed_model()
    model.layers[-1].mixer.D_b.data.zero_()
    model.layers[-1].mixer.get_submodule("x_proj_b").weight.data[-3:] = 0  # C: nothing is read
    found = attribute(model, small_clip, "exact_last_layer", 0)
    assert not found.values.any()
    assert found.cls_value != 0
