"""Methods that ask from outside: of MoMa and a peer, of hosts with adaptors, of VMamba."""

import numpy as np
import pytest
import torch

from analysis.attribution.attribution import METHODS, attribute, fitting_methods, refusals
from analysis.attribution.baselines import empty_clip
from analysis.attribution.method import AttributionError, inside_videomamba
from analysis.models import create_model, model_config

MODELS = {
    "moma_debug": {"image_size": (16, 24)},
    "videomamba_adaptor_debug": {"image_size": (8, 12)},
    "mamba_adaptor_debug": {"image_size": (16, 24)},
    "vmamba_debug": {"image_size": (16, 24)},
    "aim_debug": {"image_size": (16, 24)},
}

QUICK = {
    "integrated_gradients": {"n_steps": 2},
    "gradient_shap": {"n_samples": 2},
    "occlusion": {"window": (4, 2, 2)},
}


@pytest.fixture(scope="module", params=MODELS)
def asked(request):
    """A model with every trained parameter disturbed, and a clip for it."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = create_model(request.param, **MODELS[request.param]).double().eval()
        for parameter in model.parameters():
            parameter.data += 0.1 * torch.randn_like(parameter)
        frames = model.config.num_frames or 1
        return model, torch.randn(3, frames, *model.config.frame_size, dtype=torch.float64)


def logit(model, clip):
    given = clip[:, 0] if model.config.num_frames is None else clip
    return model(given[None])[0, 1]


def on_grid(model, pixels):
    grid = model.token_grid
    sides = zip(pixels.shape, (grid.t, grid.h, grid.w), strict=True)
    frames, rows, columns = (pixels // tokens for pixels, tokens in sides)
    cut = pixels.reshape(grid.t, frames, grid.h, rows, grid.w, columns)
    return cut.sum((1, 3, 5))


def test_gradients_are_autograd_s_on_the_model_s_own_grid(asked):
    model, clip = asked
    pixels = clip.clone().requires_grad_()
    (slope,) = torch.autograd.grad(logit(model, pixels), pixels)
    found = attribute(model, clip, "input_x_gradient", 1)
    expected = on_grid(model, (slope * clip).sum(0))
    np.testing.assert_allclose(found.values, expected, rtol=1e-4, atol=1e-6)
    assert np.abs(found.values).max() > 1e-4


def test_occlusion_is_the_fall_of_the_logit(asked):
    model, clip = asked
    grid = model.token_grid
    window = (grid.t, -(-grid.h // 2), grid.w)
    found = attribute(model, clip, "occlusion", 1, window=window)
    covered = clip.clone()
    covered[:, :, : clip.shape[2] * window[1] // grid.h] = 0
    with torch.no_grad():
        fall = float(logit(model, clip) - logit(model, covered))
    assert abs(fall) > 1e-6
    assert found.values[:, : window[1]].sum(dtype=float) == pytest.approx(fall, rel=1e-4)


def test_a_patch_s_value_times_gradient_is_a_finite_difference(asked):
    """Along the pixels of one patch alone, so that it stands at the right place too."""
    model, clip = asked
    found = attribute(model, clip, "input_x_gradient", 1).values
    sides = [length // n for length, n in zip(clip.shape[1:], found.shape, strict=True)]
    for place in ((0, 0, 0), (found.shape[0] - 1, 1, 2)):
        own = torch.zeros_like(clip)
        part = (slice(i * n, (i + 1) * n) for i, n in zip(place, sides, strict=True))
        pixels = (slice(None), *part)
        own[pixels] = clip[pixels]
        with torch.no_grad():
            more, less = (float(logit(model, clip + step * own)) for step in (1e-4, -1e-4))
        slope = (more - less) / 2e-4
        assert abs(slope) > 1e-7
        assert found[place] == pytest.approx(slope, rel=1e-4)


@pytest.mark.parametrize("asked", ["moma_debug", "vmamba_debug", "aim_debug"], indirect=True)
def test_integrated_gradients_sum_to_the_rise_of_the_logit(asked):
    model, clip = asked
    points = {"n_steps": 150, "internal_batch_size": 150}
    found = attribute(model, clip, "integrated_gradients", 1, baseline="blur", **points)
    with torch.no_grad():
        rise = float(logit(model, clip) - logit(model, empty_clip(clip, "blur")))
    assert abs(rise) > 1e-4
    assert found.values.sum(dtype=float) == pytest.approx(rise, rel=1e-4)
    assert found.completeness_error < 1e-4


@pytest.mark.parametrize("asked", ["moma_debug", "vmamba_debug", "aim_debug"], indirect=True)
def test_what_is_said_to_fit_can_explain_and_leaves_the_model_alone(asked):
    model, clip = asked
    wanted = {name: p.requires_grad for name, p in model.named_parameters()}
    before = {name: value.clone() for name, value in model.state_dict().items()}
    answered = []
    for method in METHODS:
        try:
            found = attribute(model, clip, method, 1, **QUICK.get(method, {}))
        except AttributionError:
            continue
        grid = model.token_grid
        assert found.values.shape == (grid.t, grid.h, grid.w) and np.isfinite(found.values).all()
        answered.append(method)
    assert tuple(answered) == fitting_methods(model.config)
    assert {name: p.requires_grad for name, p in model.named_parameters()} == wanted
    assert all(p.grad is None for p in model.parameters())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not any(module._forward_hooks for module in model.modules())


def test_what_is_refused_is_told_in_one_sentence_with_what_else_is():
    outside = {name for name in METHODS if METHODS[name].check is not inside_videomamba}
    last = "exact_last_layer"
    for name, fitting in (
        ("videomamba_debug", set(METHODS)),
        ("videomamba_adaptor_debug", outside),
        ("moma_debug", outside - {last}),
        ("vmamba_debug", outside - {last}),
    ):
        config = model_config(name)
        found = refusals(config)
        assert set(fitting_methods(config)) == fitting
        assert {one for refusal in found for one in refusal.methods} == set(METHODS) - fitting
        assert all(one.reason.startswith("Each of them ") for one in found) and len(found) <= 1
        assert all(one.reason.count(". ") == 0 and one.reason.endswith(".") for one in found)


@pytest.mark.parametrize("method", ["hidden_attention", "mamba_lrp"])
def test_methods_that_open_scans_refuse_in_one_sentence(asked, method):
    model, clip = asked
    with pytest.raises(AttributionError, match=r"(follows scans alone|opens the layers of).*\.$"):
        attribute(model, clip, method, 1)


def test_the_last_layer_of_a_host_holds_its_logit(asked):
    model, clip = asked
    if not hasattr(model, "layer_scans"):
        with pytest.raises(AttributionError, match="The exact method opens the layers of"):
            attribute(model, clip, "exact_last_layer", 1)
        return
    found = attribute(model, clip, "exact_last_layer", 1)
    with torch.no_grad():
        expected = float(logit(model, clip))
    assert found.settings["logit"] == pytest.approx(expected, rel=1e-6)
    assert found.completeness_error < 1e-10


def test_a_size_that_cannot_be_shared_among_tokens_is_one_sentence():
    model = create_model("vmamba_debug", image_size=30).eval()
    with pytest.raises(AttributionError, match=r"1 x 30 x 30 .* 1 x 8 x 8 tokens; .*\.$"):
        attribute(model, torch.zeros(3, 30, 30), "saliency", 0)
