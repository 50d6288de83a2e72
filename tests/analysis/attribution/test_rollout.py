"""Rollout: products of normalised maps, and what the readout takes of them."""

import numpy as np
import pytest
import torch

from analysis.attribution.attribution import attribute
from analysis.attribution.rollout import normalised_map, rollout
from analysis.attribution.token_maps import MapQuery, latim_error, token_map
from analysis.tracing.recorder import record

ROLLED = {
    "hidden_attention_rollout": ("hidden attention", False),
    "hidden_attention_class": ("hidden attention", True),
    "implicit_attention": ("implicit attention", False),
    "latim": ("latim", False),
    "exact_rollout": ("exact", False),
    "exact_class_rollout": ("exact", True),
}


def random_maps(count=3, length=6):
    generator = torch.Generator().manual_seed(0)
    return [
        torch.rand(length, length, generator=generator, dtype=torch.float64) for _ in range(count)
    ]


def rows_of(maps_from_last, length=6):
    each = torch.eye(length, dtype=torch.float64)
    return torch.stack([rollout(maps_from_last, row) for row in each])


@pytest.mark.parametrize("residual", [1.0, torch.arange(6.0)], ids=["one", "by token"])
def test_rows_sum_to_one(residual):
    maps = [normalised_map(entries, residual) for entries in random_maps()]
    for matrix in (*maps, rows_of(maps)):
        torch.testing.assert_close(matrix.sum(1), torch.ones(6, dtype=torch.float64))
        assert (matrix >= 0).all()


def test_one_layer_is_that_layer():
    (entries,) = random_maps(1)
    expected = entries + torch.eye(6, dtype=torch.float64)
    expected = expected / expected.sum(1, keepdim=True)
    torch.testing.assert_close(rows_of([normalised_map(entries)]), expected)


def test_layers_multiply_from_the_last_to_the_first():
    first, second, third = (normalised_map(entries) for entries in random_maps())
    torch.testing.assert_close(rows_of([third, second, first]), third @ second @ first)


def test_permuting_tokens_permutes_the_result():
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    maps = random_maps()
    plain = rows_of([normalised_map(entries) for entries in maps])
    moved = rows_of([normalised_map(entries[order][:, order]) for entries in maps])
    torch.testing.assert_close(moved, plain[order][:, order])


def test_a_layer_that_mixes_nothing_changes_nothing():
    still = normalised_map(torch.zeros(6, 6, dtype=torch.float64))
    (other,) = (normalised_map(entries) for entries in random_maps(1))
    torch.testing.assert_close(rows_of([still, other, still]), other)


def output_gradients(model, clip, target):
    """By layer, the logit's gradient with respect to the mixer's output, by moving it."""
    gradients = []
    for block in model.layers:
        shift = torch.zeros(model.token_grid.length, model.config.width, dtype=torch.float64)
        shift.requires_grad_()
        handle = block.mixer.register_forward_hook(lambda _m, _i, out, shift=shift: out + shift)
        (gradient,) = torch.autograd.grad(model(clip[None])[0, target], shift)
        handle.remove()
        gradients.append(gradient)
    return gradients


@pytest.mark.parametrize("method", ROLLED)
@pytest.mark.parametrize("readout", ["cls", "mean"])
def test_methods_roll_out_their_maps(disturbed_model, small_clip, method, readout):
    model = disturbed_model("alternating", readout=readout)
    kind, class_specific = ROLLED[method]
    trace = record(model, small_clip)
    upstream = output_gradients(model, small_clip, 3) if class_specific else [None, None]
    product = torch.eye(model.token_grid.length, dtype=torch.float64)
    for number in range(2):
        layer = trace.layer(number)
        entries = token_map(MapQuery(layer, upstream[number]), kind)
        by_length = kind in ("latim", "exact") and not class_specific
        residual = layer.residual.norm(dim=-1) if by_length else 1.0
        product = normalised_map(entries, residual) @ product
    row = product[0] if readout == "cls" else product[1:].mean(0)
    found = attribute(model, small_clip, method, 3)
    np.testing.assert_allclose(found.values.ravel(), row[1:], rtol=1e-5)
    assert found.cls_value == pytest.approx(float(row[0]), rel=1e-6)
    assert found.values.sum() + found.cls_value == pytest.approx(1, rel=1e-5)
    assert found.settings["start_layer"] == 0


@pytest.mark.parametrize("start", [1, -1])
def test_the_start_layer_leaves_out_what_is_below(disturbed_model, small_clip, start):
    model = disturbed_model()
    layer = record(model, small_clip).layer(1)
    row = normalised_map(token_map(MapQuery(layer), "implicit attention"))[0]
    found = attribute(model, small_clip, "implicit_attention", 0, start_layer=start)
    np.testing.assert_allclose(found.values.ravel(), row[1:], rtol=1e-5)
    assert found.settings["start_layer"] == 1


@pytest.mark.parametrize("readout", ["cls", "mean"])
def test_hidden_attention_takes_the_rows_that_are_read(disturbed_model, small_clip, readout):
    model = disturbed_model(readout=readout)
    entries = token_map(MapQuery(record(model, small_clip).layer(0)), "hidden attention")
    row = entries[0] if readout == "cls" else entries[1:].mean(0)
    found = attribute(model, small_clip, "hidden_attention", 0, layer=0)
    np.testing.assert_allclose(found.values.ravel(), row[1:], rtol=1e-5)
    assert found.cls_value == pytest.approx(float(row[0]), rel=1e-6)


def test_latim_says_how_far_off_each_layer_is(disturbed_model, small_clip):
    model = disturbed_model()
    trace = record(model, small_clip)
    found = attribute(model, small_clip, "latim", 0)
    expected = tuple(latim_error(trace.layer(number)) for number in range(2))
    assert found.settings["layer_errors"] == pytest.approx(expected, rel=1e-9)


def test_implicit_attention_names_the_skip_only_where_it_is_left_out(disturbed_model, small_clip):
    model = disturbed_model()
    without, within = (
        attribute(model, small_clip, "implicit_attention", 0, skip=skip) for skip in (False, True)
    )
    assert "the skip D u" in without.omits
    assert "the skip D u" not in within.omits
    assert (without.values != within.values).any()
