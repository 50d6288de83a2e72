"""What reaches the answer, against rows and against the logit itself."""

import pytest
import torch

from analysis.attribution.exact.groups import group_contributions
from analysis.attribution.exact.pooled import pooled_contributions
from analysis.attribution.exact.readout import (
    class_direction,
    class_evidence,
    readout_weights,
    sum_by_frame,
)
from analysis.attribution.exact.rows import row_contributions
from analysis.layers.token_grid import TokenGrid
from analysis.ops.scan_order import SCAN_ORDERS
from analysis.tracing.recorder import record
from analysis.tracing.token_positions import frame_groups


def readout_contributions(layer, readout):
    return pooled_contributions(layer, readout_weights(layer.grid, readout))


@pytest.mark.parametrize("scan_order", SCAN_ORDERS)
def test_cls_first_hears_patches_through_the_backward_scan_alone(make_layer, scan_order):
    """Analysis spec, section 5: forward M[0, s] = 0 for s > 0, in every order."""
    layer, _ = make_layer(scan_order)
    forward, backward = readout_contributions(layer, "cls").vectors
    assert forward[1:].abs().max() == 0
    assert forward[0].norm() > 0
    assert (backward[1:].norm(dim=1) > 0).all()


def test_the_cls_readout_is_the_cls_row(make_layer):
    layer, _ = make_layer("spatiotemporal_v2")
    found, row = readout_contributions(layer, "cls"), row_contributions(layer, 0)
    torch.testing.assert_close(found.vectors, row.vectors, rtol=1e-9, atol=1e-13)
    torch.testing.assert_close(found.bias, row.bias, rtol=1e-9, atol=1e-13)
    assert found.completeness_error < 1e-10


@pytest.mark.parametrize("scan_order", ["spatial_first", "spatiotemporal_v2"])
def test_the_mean_readout_is_the_mean_of_patch_rows(make_layer, make_dense, scan_order):
    layer, seen = make_layer(scan_order)
    found = readout_contributions(layer, "mean")
    rows = make_dense(seen).contributions(layer.out_weight)[:, 1:].mean(1)
    torch.testing.assert_close(found.vectors, rows, rtol=1e-9, atol=1e-13)
    torch.testing.assert_close(found.total, layer.output[1:].mean(0))
    assert found.completeness_error < 1e-10


@pytest.mark.parametrize("readout", ["cls", "mean"])
def test_frames_are_those_of_the_frame_map(make_layer, readout):
    layer, _ = make_layer("temporal_first")
    frames = sum_by_frame(readout_contributions(layer, readout).vectors, layer.grid)
    groups = group_contributions(layer, frame_groups(layer.grid)).vectors
    expected = groups[:, :, 0] if readout == "cls" else groups[:, :, 1:].mean(2)
    torch.testing.assert_close(frames, expected, rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("readout", ["cls", "mean"])
@pytest.mark.parametrize("norm", ["rms", "layer"])
def test_class_direction_and_biases_give_the_logit(make_model, clip, norm, readout):
    model = make_model(norm=norm, readout=readout)
    trace = record(model, clip)
    for target in (0, 3):
        direction = class_direction(model, trace, target)
        bias = model.head.bias[target]
        if norm == "layer":
            bias = bias + model.head.weight[target] @ model.norm_f.bias
        found = (direction * trace.final_residual).sum() + bias
        torch.testing.assert_close(found, trace.logits[target], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("readout", ["cls", "mean"])
def test_evidence_adds_up_to_what_the_layer_gives_the_logit(make_model, clip, readout):
    model = make_model("spatiotemporal_v1", readout=readout)
    trace = record(model, clip)
    direction = class_direction(model, trace, 2)
    evidence = class_evidence(trace.layer(-1), direction)
    # The last layer's output is the last thing added to the stream that the norm receives.
    before = (direction * trace.layer(-1).residual).sum()
    assert evidence.total == pytest.approx(
        ((direction * trace.final_residual).sum() - before).item(), rel=1e-9
    )
    assert evidence.completeness_error < 1e-10
    parts = evidence.values.sum() + evidence.bias.sum()
    assert parts.item() == pytest.approx(evidence.total, rel=1e-9)
    assert evidence.by_frame().sum().item() == pytest.approx(evidence.values.sum().item())


def test_evidence_is_the_component_of_the_contributions(make_layer):
    layer, _ = make_layer("spatial_first")
    vector = torch.linspace(-1, 1, layer.output.shape[1], dtype=torch.float64)
    direction = torch.zeros_like(layer.output)
    direction[0] = vector
    found = class_evidence(layer, direction)
    expected = row_contributions(layer, 0)
    torch.testing.assert_close(found.values, expected.vectors @ vector, rtol=1e-9, atol=1e-13)
    torch.testing.assert_close(found.bias, expected.bias @ vector, rtol=1e-9, atol=1e-13)


def test_sum_by_frame_by_hand():
    """CLS 100, two frames of two patches."""
    values = torch.tensor([[100, 1, 2, 3, 4], [0, 5, 6, 7, 8]])
    sums = sum_by_frame(values, TokenGrid(2, 1, 2))
    assert sums.tolist() == [[1 + 2, 3 + 4, 100], [5 + 6, 7 + 8, 0]]


def test_a_class_the_model_does_not_have(make_model, clip):
    model = make_model()
    with pytest.raises(ValueError, match="classes 0 to 4, not 5"):
        class_direction(model, record(model, clip), 5)
