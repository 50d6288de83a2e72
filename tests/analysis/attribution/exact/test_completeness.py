"""How closely parts add up on the models that are shown: 1e-4 in float32, 1e-10 in float64."""

import pytest
import torch

from analysis.attribution.exact.groups import group_contributions
from analysis.attribution.exact.pooled import pooled_contributions
from analysis.attribution.exact.readout import readout_weights
from analysis.attribution.exact.rows import row_contributions
from analysis.models import create_model
from analysis.tracing.recorder import record
from analysis.tracing.token_positions import frame_groups
from analysis.weights import load_model


def errors(layer, levels=("residual",)):
    """Completeness errors of every kind of result."""
    middle = layer.grid.length // 2
    for level in levels:
        yield group_contributions(layer, frame_groups(layer.grid), level=level).completeness_error
        yield row_contributions(layer, middle, level=level).completeness_error
    column = (torch.arange(layer.grid.length) != middle).long()
    yield group_contributions(layer, column).completeness_error
    for readout in ("cls", "mean"):
        weights = readout_weights(layer.grid, readout)
        yield pooled_contributions(layer, weights).completeness_error


def video(model, seed=0):
    config = model.config
    frames = () if config.num_frames is None else (config.num_frames,)
    shape = (3, *frames, *config.frame_size)
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=model.cls_token.dtype)


@pytest.mark.parametrize("scan_order", ["spatial_first", "spatiotemporal_v2"])
def test_debug_in_float64(scan_order):
    model = create_model("videomamba_debug", scan_order=scan_order).double()
    assert max(errors(record(model, video(model), [-1]).layer(-1))) < 1e-10


@pytest.mark.parametrize("name", ["camera", "order_spatiotemporal_v2"])
def test_shipped_mini_in_float32(name):
    model = load_model(f"videomamba_mini.{name}").model
    trace = record(model, video(model), [-1])
    assert max(errors(trace.layer(-1), ("value", "pre_conv", "residual"))) < 1e-4


def test_image_model_in_float32():
    model = create_model("videomamba_image_debug")
    assert max(errors(record(model, video(model)).layer(-1))) < 1e-4


def test_tiny_at_8x224x224_in_float32():
    model = create_model("videomamba_tiny", num_frames=8)
    layer = record(model, video(model), [-1]).layer(-1)
    assert layer.grid.length == 1 + 8 * 14 * 14
    assert group_contributions(layer, frame_groups(layer.grid)).completeness_error < 1e-4
    assert row_contributions(layer, 800).completeness_error < 1e-4
    assert pooled_contributions(layer, readout_weights(layer.grid, "cls")).completeness_error < 1e-4
