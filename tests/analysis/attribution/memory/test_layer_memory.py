"""The page of a layer's memory holds what its parts say."""

import pytest
import torch

from analysis.attribution.memory.half_life import half_lives, retention_curve
from analysis.attribution.memory.layer_memory import DRAWN_STEPS, layer_memory
from analysis.attribution.memory.selectivity import selectivity_maps
from analysis.models import create_model
from analysis.tracing.recorder import record
from analysis.tracing.token_positions import on_grid


@pytest.fixture(scope="module")
def traced():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = create_model("videomamba_debug", scan_order="spatiotemporal_v2").double()
        side, frames = model.config.image_size, model.config.num_frames
        clip = torch.randn(3, frames, side, side, dtype=torch.float64)
    return record(model, clip).layer(0)


def test_every_scan_has_its_page(traced):
    memory = layer_memory(traced)
    assert [(one.direction, one.token_order) for one in memory.scans] == [
        (scan.direction, scan.token_order) for scan in traced.scans
    ]
    for scan, page in zip(traced.scans, memory.scans, strict=True):
        assert page.half_life == tuple(half_lives(scan, traced.grid).quartiles.tolist())
        assert page.crossings == retention_curve(scan).crossings
        assert page.retention[0] == 1
        assert len(page.steps) == len(page.state_norm) <= DRAWN_STEPS


def test_the_delta_map_lies_on_the_grid(traced):
    memory = layer_memory(traced)
    maps = selectivity_maps(traced)
    for direction in (0, 1):
        expected = on_grid(maps.delta[direction], traced.grid).float()
        assert torch.equal(torch.from_numpy(memory.delta[direction]), expected)
    assert memory.variation == tuple(maps.variation.tolist())
