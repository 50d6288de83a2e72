"""Grad-CAM on the tokens of every kind of model, against the rest of the pass written out."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from analysis.attribution.attribution import attribute
from analysis.attribution.method import AttributionError
from analysis.models import create_model


def disturbed(name, **fields):
    with torch.random.fork_rng():
        torch.manual_seed(5)
        model = create_model(name, **fields).double().eval()
        for parameter in model.parameters():
            parameter.data += 0.1 * torch.randn_like(parameter)
        frames = model.config.num_frames or 1
        return model, torch.randn(3, frames, *model.config.frame_size, dtype=torch.float64)


def weighed(tokens, rest):
    """Of tokens (P, D): what each channel holds times its mean slope, as `rest` makes a logit."""
    tokens = tokens.detach().requires_grad_()
    (slope,) = torch.autograd.grad(rest(tokens), tokens)
    return (tokens.detach() @ slope.mean(0)).clamp(min=0).numpy()


@pytest.mark.parametrize("pattern", ["TM", "T_then_M"])
def test_moma_s_last_patches(pattern):
    model, clip = disturbed("moma_debug", pattern=pattern)
    with torch.no_grad():
        tokens = model.forward_features(clip[None])[0].flatten(0, -2)

    def rest(x):
        return model.head(F.normalize(model.tower.project(x.mean(0)), dim=-1)[None])[0, 2]

    found = attribute(model, clip, "grad_cam", 2)
    np.testing.assert_allclose(found.values.ravel(), weighed(tokens, rest), rtol=1e-5, atol=1e-9)
    assert found.values.max() > 1e-6 and found.cls_value is None and found.settings["layer"] == 1


def test_moma_s_class_tokens_read_the_patches_before_the_last_layer():
    model, clip = disturbed("moma_debug", cls_mode="frame", readout="cls")
    *_, last = [step for step in model.steps(clip[None]) if step.kind == "attend"]
    assert last.patches.shape[1:4] == (4, 4, 4)
    found = attribute(model, clip, "grad_cam", 2, relu=False)
    assert np.abs(found.values).max() > 1e-9 and found.signed


def test_vmamba_s_last_stage_stands_at_the_patches_it_covers():
    model, clip = disturbed("vmamba_debug", image_size=(64, 96))
    with torch.no_grad():
        *_, last = model.stages(clip[None, :, 0])

    def rest(x):
        return model.classifier.head(model.classifier.norm(x).mean(0))[3]

    coarse = weighed(last[0].flatten(0, 1), rest).reshape(2, 3)
    found = attribute(model, clip, "grad_cam", 3)
    expected = np.kron(coarse, np.ones((8, 8)))[None]
    np.testing.assert_allclose(found.values, expected, rtol=1e-5, atol=1e-9)
    assert found.values.max() > 1e-6
    assert found.omits[-1] == "what is finer than 8 x 8 patches"
    whole = attribute(model, clip, "grad_cam", 3, layer=0)
    assert len(np.unique(whole.values)) > 6 and len(whole.omits) == 2


def test_a_tower_s_patches_before_its_last_layer():
    model, clip = disturbed("aim_debug")
    with torch.no_grad():
        x = model._embed(clip[None])
        x = model.adapters[0](model.tower.transformer.resblocks[0], x)
    classes, patches = x[:, :, :1], x[0, :, 1:, 0]

    def rest(flat):
        tokens = torch.cat([classes, flat.view(1, *patches.shape[:2], 1, -1)], 2)
        after = model.adapters[1](model.tower.transformer.resblocks[1], tokens)
        return model.head(F.normalize(model.tower.project(after[:, :, 0, 0]).mean(1), dim=-1))[0, 2]

    found = attribute(model, clip, "grad_cam", 2)
    expected = weighed(patches.flatten(0, 1), rest)
    np.testing.assert_allclose(found.values.ravel(), expected, rtol=1e-5, atol=1e-10)
    assert found.values.max() > 1e-7


def test_layers_are_those_there_are_and_other_models_are_refused():
    model, clip = disturbed("moma_debug")
    with pytest.raises(AttributionError, match="layer must be between 0 and 1"):
        attribute(model, clip, "grad_cam", 0, layer=2)
    other = create_model("timesformer_tiny_divided", num_frames=2, image_size=32).eval()
    with pytest.raises(AttributionError, match=r"choose another gradient method\.$"):
        attribute(other, torch.zeros(3, 2, 32, 32), "grad_cam", 0)
