"""Traced layers with adaptors: against the model's own pass and hidden attention with memory."""

import pytest
import torch

from analysis.attribution.exact.block_matrix import block_matrix
from analysis.attribution.exact.memory_attention import hidden_attention_with_memory
from analysis.attribution.exact.rows import row_contributions
from analysis.attribution.exact.token_map import MapQuestion, Subject, token_map
from analysis.models import create_model
from analysis.tracing.recorder import record

HOSTS = {
    "videomamba": ("videomamba_adaptor_debug", {"image_size": (8, 12), "num_frames": 2}),
    "temporal orders": (
        "videomamba_adaptor_debug",
        {"image_size": (8, 12), "num_frames": 3, "scan_order": "spatiotemporal_v2"},
    ),
    "on the grid": (
        "videomamba_adaptor_debug",
        {"image_size": (8, 12), "num_frames": 2, "locations": "grid"},
    ),
    "memory alone": (
        "videomamba_adaptor_debug",
        {"image_size": (8, 12), "num_frames": 2, "adaptor_s": False, "memory_range": "past"},
    ),
    "own directions": (
        "videomamba_adaptor_debug",
        {"image_size": (8, 12), "num_frames": 2, "adaptor_s": False, "share_directions": False},
    ),
    "surroundings alone": (
        "videomamba_adaptor_debug",
        {"image_size": (8, 12), "num_frames": 2, "adaptor_t": False},
    ),
    "vim": ("vim_adaptor_debug", {"image_size": (8, 12)}),
}


@pytest.fixture(scope="module")
def traced():
    """`traced(kind)`: a disturbed model in float64, and its trace of a clip."""

    def make(kind):
        name, fields = HOSTS[kind]
        with torch.random.fork_rng():
            torch.manual_seed(0)
            model = create_model(name, **fields).double().eval()
            for parameter in model.parameters():
                parameter.data += 0.2 * torch.randn_like(parameter)
            frames = () if model.config.num_frames is None else (model.config.num_frames,)
            clip = torch.randn(3, *frames, 8, 12, dtype=torch.float64)
        return model, record(model, clip)

    return make


@pytest.mark.parametrize("kind", HOSTS)
def test_recomputed_quantities_give_the_real_output(kind, traced):
    _, trace = traced(kind)
    for number in trace.layers:
        layer = trace.layer(number)
        torch.testing.assert_close(layer.recomputed_output(), layer.output)


@pytest.mark.parametrize("kind", HOSTS)
def test_parts_of_tokens_sum_to_the_real_output(kind, traced):
    _, trace = traced(kind)
    layer = trace.layer(1)
    for level in ("residual", "pre_conv", "value"):
        for token in (0, 4):
            row = row_contributions(layer, token, level=level)
            assert row.completeness_error < 1e-11
    for side in ("sources", "receivers"):
        question = MapQuestion(Subject("frame", 0), side)
        assert token_map(layer, question, "cls").completeness_error < 1e-11
    assert block_matrix(layer).completeness_error < 1e-11


@pytest.mark.parametrize("direction", ["forward", "backward"])
@pytest.mark.parametrize("kind", ["memory alone", "own directions", "on the grid"])
def test_rows_are_hidden_attention_with_memory(kind, direction, traced):
    """alpha' of its own module, which stores states and everything between tokens."""
    model, trace = traced(kind)
    layer = trace.layer(1)
    mixer = model.layers[1].mixer
    mixer.adaptor_s = None
    if kind == "on the grid":  # without the surroundings that this kind has
        layer = record(model, torch.zeros(3, 2, 8, 12, dtype=torch.float64)).layer(1)
    suffix = "" if direction == "forward" else "_b"
    (scan,) = layer.direction(direction)
    inputs = mixer.scan_inputs(scan.x[None], suffix)
    adaptor = mixer.adaptor_t.of_direction(0 if direction == "forward" else 1)
    alpha = hidden_attention_with_memory(inputs, adaptor, model.token_grid)[0]
    for token in (0, 5, 11):
        expected = alpha[:, token].T * scan.u
        expected[token] += scan.D * scan.u[token]
        row = row_contributions(layer, token, level="value")
        found = row.vectors[0 if direction == "forward" else 1]
        torch.testing.assert_close(found, expected)


def test_memory_reaches_ahead_of_a_forward_scan(traced):
    _, trace = traced("videomamba")
    row = row_contributions(trace.layer(1), 3, level="value")
    assert row.vectors[0, 8:].abs().max() > 1e-3


def test_an_early_stop_is_refused(traced):
    _, trace = traced("videomamba")
    with pytest.raises(ValueError, match="tokens with memory read states from anywhere"):
        row_contributions(trace.layer(0), 3, stop_below=0.1)
