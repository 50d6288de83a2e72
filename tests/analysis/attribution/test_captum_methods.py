"""Captum's methods against what they must give: in closed form, by autograd, by hand."""

import numpy as np
import pytest
import torch

from analysis.attribution.attribution import attribute
from analysis.attribution.baselines import BASELINES, empty_clip
from analysis.attribution.method import AttributionError


def on_grid(pixels):
    """(3, 4, 8, 12) to the sums over 2 x 2 x 3 tubelets."""
    return pixels.sum(0).reshape(2, 2, 2, 4, 3, 4).sum((1, 3, 5))


def logit(model, clip, target):
    with torch.no_grad():
        return float(model(clip[None])[0, target])


def gradient(model, clip, target):
    clip = clip.clone().requires_grad_()
    return torch.autograd.grad(model(clip[None])[0, target], clip)[0]


@pytest.mark.parametrize("readout", ["cls", "mean"])
def test_gradients_equal_autograd(disturbed_model, small_clip, readout):
    model = disturbed_model(readout=readout)
    slope = gradient(model, small_clip, 3)
    saliency = attribute(model, small_clip, "saliency", 3)
    product = attribute(model, small_clip, "input_x_gradient", 3)
    np.testing.assert_allclose(saliency.values, on_grid(slope.abs()), rtol=1e-6)
    np.testing.assert_allclose(product.values, on_grid(slope * small_clip), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(product.pixels, (slope * small_clip).sum(0), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("baseline", BASELINES)
def test_integrated_gradients_sum_to_the_rise_of_the_logit(disturbed_model, small_clip, baseline):
    model = disturbed_model()
    found = attribute(
        model,
        small_clip,
        "integrated_gradients",
        2,
        baseline=baseline,
        n_steps=120,
        internal_batch_size=120,
    )
    rise = logit(model, small_clip, 2) - logit(model, empty_clip(small_clip, baseline), 2)
    assert found.settings["logit_above_baseline"] == pytest.approx(rise, rel=1e-9)
    assert found.values.sum() == pytest.approx(rise, rel=1e-4)
    assert found.completeness_error < 1e-4


def test_the_completeness_error_of_integrated_gradients_is_measured(disturbed_model, small_clip):
    found = attribute(disturbed_model(), small_clip, "integrated_gradients", 2, n_steps=2)
    rise = found.settings["logit_above_baseline"]
    missed = abs(found.values.sum(dtype=np.float64) - rise) / abs(rise)
    assert found.completeness_error == pytest.approx(missed, rel=1e-3)
    assert found.completeness_error > 1e-6


@pytest.mark.parametrize("method", ["integrated_gradients", "input_x_gradient", "occlusion"])
def test_on_a_linear_model_methods_are_weights_times_input(linear_model, small_clip, method):
    found = attribute(linear_model, small_clip, method, 1)
    expected = on_grid(linear_model.weights.detach()[1] * small_clip)
    np.testing.assert_allclose(found.values, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("window", [(1, 1, 1), (1, 2, 3), (2, 1, 2), (9, 9, 9)])
def test_occlusion_shares_the_fall_among_the_tokens_of_a_window(
    disturbed_model, small_clip, window
):
    model = disturbed_model()
    found = attribute(model, small_clip, "occlusion", 0, window=window, baseline="black")
    empty, expected = empty_clip(small_clip, "black"), np.zeros((2, 2, 3))
    whole = logit(model, small_clip, 0)
    for place in np.ndindex(*(-(-n // side) for n, side in zip((2, 2, 3), window, strict=True))):
        tokens = tuple(
            slice(i * side, (i + 1) * side) for i, side in zip(place, window, strict=True)
        )
        pixels = tuple(
            slice(part.start * size, part.stop * size)
            for part, size in zip(tokens, (2, 4, 4), strict=True)
        )
        clip = small_clip.clone()
        clip[(slice(None), *pixels)] = empty[(slice(None), *pixels)]
        expected[tokens] = (whole - logit(model, clip, 0)) / expected[tokens].size
    np.testing.assert_allclose(found.values, expected, rtol=1e-5, atol=1e-6)


def test_gradient_shap_on_a_linear_model_has_a_closed_form(linear_model, small_clip):
    """However points are drawn, the gradient is the weights: only the drawn baselines matter."""
    found = attribute(linear_model, small_clip, "gradient_shap", 1, n_samples=600)
    baselines = torch.stack([empty_clip(small_clip, kind) for kind in BASELINES])
    weights = linear_model.weights.detach()[1]
    expected = on_grid(weights * (small_clip - baselines.mean(0)))
    spread = on_grid((weights * (baselines - baselines.mean(0))).abs().mean(0))
    assert (np.abs(found.values - expected.numpy()) < 0.3 * spread.numpy() + 1e-3).all()
    assert found.completeness_error < 0.2


@pytest.mark.parametrize("relu", [True, False])
@pytest.mark.parametrize("layer", [0, -1])
def test_grad_cam_weighs_channels_by_their_mean_gradient(disturbed_model, small_clip, layer, relu):
    model = disturbed_model()
    seen = []
    handle = model.layers[layer].norm.register_forward_hook(lambda _m, _i, out: seen.append(out))
    logits = model(small_clip[None])
    handle.remove()
    (slope,) = torch.autograd.grad(logits[0, 1], seen)
    tokens = (seen[0].detach()[0] * slope[0].mean(0)).sum(-1)
    tokens = tokens.clamp(min=0) if relu else tokens
    found = attribute(model, small_clip, "grad_cam", 1, layer=layer, relu=relu)
    np.testing.assert_allclose(found.values.ravel(), tokens[1:], rtol=1e-5, atol=1e-7)
    assert found.cls_value == pytest.approx(float(tokens[0]), abs=1e-7)
    assert found.signed is not relu


def test_baselines():
    clip = torch.randn(3, 2, 20, 30, generator=torch.Generator().manual_seed(0))
    assert not empty_clip(clip, "zero").any()
    black = empty_clip(clip, "black") * torch.tensor([0.229, 0.224, 0.225])[:, None, None, None]
    expected = -torch.tensor([0.485, 0.456, 0.406])[:, None, None, None].expand_as(clip)
    torch.testing.assert_close(black, expected)
    blurred = empty_clip(clip, "blur")
    assert blurred.std() < 0.3 * clip.std()
    torch.testing.assert_close(empty_clip(torch.ones_like(clip), "blur"), torch.ones_like(clip))
    centre = torch.zeros(1, 1, 41, 41)
    centre[..., 20, 20] = 1
    spot = empty_clip(centre, "blur")[0, 0]
    offsets = torch.arange(41.0) - 20
    torch.testing.assert_close(spot.sum(), torch.tensor(1.0))
    assert float((spot.sum(0) * offsets**2).sum().sqrt()) == pytest.approx(0.1 * 41, rel=0.03)
    with pytest.raises(AttributionError, match="did you mean black"):
        empty_clip(clip, "blck")
