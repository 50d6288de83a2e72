"""Methods that ask a model from outside, of MoMa, of hosts with adaptors and of VMamba."""

import numpy as np
import pytest
import torch

from analysis.attribution.attribution import attribute
from analysis.attribution.method import AttributionError
from analysis.models import create_model

MODELS = {
    "moma_debug": {"image_size": (16, 24)},
    "videomamba_adaptor_debug": {"image_size": (8, 12)},
    "mamba_adaptor_debug": {"image_size": (32, 48)},
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


def test_grad_cam_needs_blocks_on_one_grid():
    model = create_model("moma_debug").eval()
    with pytest.raises(AttributionError, match="Grad-CAM reads the tokens of VideoMamba's"):
        attribute(model, torch.zeros(3, 4, 32, 32), "grad_cam", 0)
