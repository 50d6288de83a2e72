"""What holds for every method: one call, one kind of result, a model left alone."""

import numpy as np
import pytest
import torch

from analysis.attribution.attribution import METHODS, attribute, find_method
from analysis.attribution.method import FAMILIES, AttributionError

QUICK = {
    "integrated_gradients": {"n_steps": 4},
    "gradient_shap": {"n_samples": 4, "internal_batch_size": 3},
}


def asked(model, clip, method, target=None, **settings):
    return attribute(model, clip, method, target, **QUICK.get(method, {}), **settings)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("readout", ["cls", "mean"])
def test_every_method_answers_in_the_same_shape(disturbed_model, small_clip, method, readout):
    model = disturbed_model("spatiotemporal_v2", torch.float32, readout=readout)
    with torch.no_grad():
        best = int(model(small_clip[None].float()).argmax())
    found = asked(model, small_clip, method)
    assert (found.method, found.target) == (method, best)
    assert found.values.shape == (2, 2, 3)
    assert found.values.dtype == np.float32
    assert np.isfinite(found.values).all()
    assert found.values.any()
    assert found.signed or found.values.min() >= 0
    assert found.latency_ms > 0
    assert METHODS[method].defaults.keys() <= found.settings.keys()
    if found.pixels is not None:
        summed = found.pixels.reshape(2, 2, 2, 4, 3, 4).sum((1, 3, 5))
        np.testing.assert_allclose(summed, found.values, atol=1e-5 * np.abs(found.values).max())


@pytest.mark.parametrize("method", METHODS)
def test_an_image_model_answers_too(disturbed_model, small_clip, method):
    model = disturbed_model(dtype=torch.float32, num_frames=None)
    image = small_clip[:, 0]
    found = asked(model, image, method, 1)
    assert found.values.shape == (1, 2, 3)
    again = asked(model, image[:, None], method, 1)
    np.testing.assert_array_equal(found.values, again.values)


@pytest.mark.parametrize("method", METHODS)
def test_the_model_and_the_global_generators_stay_as_they_were(disturbed_model, small_clip, method):
    model = disturbed_model("temporal_first", torch.float32, num_classes=3)
    model.train()
    model.layers[0].eval()
    modes = [module.training for module in model.modules()]
    before = {name: value.clone() for name, value in model.state_dict().items()}
    states = torch.random.get_rng_state(), np.random.get_state()[1].copy()
    clip = small_clip.float()
    kept = clip.clone()
    asked(model, clip, method, 2)
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(p.grad is None and p.requires_grad for p in model.parameters())
    assert not any(
        module._forward_hooks or module._forward_pre_hooks or module._backward_hooks
        for module in model.modules()
    )
    assert model.scan_order == "temporal_first"
    assert torch.equal(clip, kept)
    assert not clip.requires_grad
    assert torch.equal(torch.random.get_rng_state(), states[0])
    np.testing.assert_array_equal(np.random.get_state()[1], states[1])


@pytest.mark.parametrize("method", METHODS)
def test_results_do_not_depend_on_what_ran_before(disturbed_model, small_clip, method):
    model = disturbed_model(dtype=torch.float32)
    first = asked(model, small_clip, method, 1)
    torch.manual_seed(99)
    np.random.seed(99)
    model(small_clip[None].float()).sum().backward()
    other = torch.randn(small_clip.shape, generator=torch.Generator().manual_seed(8))
    with torch.inference_mode():
        asked(model, other, method, 0)
        second = asked(model, small_clip, method, 1)
    np.testing.assert_array_equal(first.values, second.values)


def test_samples_follow_the_generator(disturbed_model, small_clip):
    model = disturbed_model(dtype=torch.float32)

    def drawn(seed):
        generator = torch.Generator().manual_seed(seed)
        found = asked(model, small_clip, "gradient_shap", 0, generator=generator, noise=0.1)
        return found.values

    np.testing.assert_array_equal(drawn(5), drawn(5))
    assert (drawn(5) != drawn(6)).any()


@pytest.mark.parametrize("method", ["integrated_gradients", "gradient_shap", "occlusion", "latim"])
def test_progress_rises_to_one(disturbed_model, small_clip, method):
    shares = []
    model = disturbed_model(dtype=torch.float32)
    asked(model, small_clip, method, 0, progress=shares.append)
    assert shares == sorted(shares)
    assert len(set(shares)) > 1
    assert shares[-1] == 1


def test_the_table_of_methods():
    for name, method in METHODS.items():
        assert name == method.name
        assert method.family in FAMILIES
        assert method.description.endswith(".")
        assert method.title
        assert method.source
        for setting, words in method.choices.items():
            assert method.defaults[setting] in words
    assert len({method.title for method in METHODS.values()}) == len(METHODS)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({"method": "salency"}, "no method 'salency'; did you mean saliency?"),
        ({"method": "saliency", "steps": 3}, "Saliency has no setting 'steps'; it takes none."),
        ({"method": "integrated_gradients", "n_step": 3}, "did you mean n_steps?"),
        ({"method": "integrated_gradients", "n_steps": 1}, "n_steps must be a whole number from 2"),
        ({"method": "integrated_gradients", "baseline": "blak"}, "did you mean black or"),
        ({"method": "occlusion", "window": 3}, "window must be three whole numbers"),
        ({"method": "occlusion", "window": (0, 1, 1)}, "each side of window must be"),
        ({"method": "hidden_attention", "layer": 2}, "layer must be between 0 and 1"),
        ({"method": "latim", "start_layer": "x"}, "start_layer must be a whole number"),
        ({"method": "mamba_lrp", "gamma": -1}, "gamma must be a number from 0 up"),
        ({"method": "saliency", "target": 5}, "index from 0 to 4, got 5"),
        ({"method": "saliency", "target": True}, "index from 0 to 4, got True"),
    ],
    ids=lambda value: None if isinstance(value, str) else "-".join(map(str, value.values())),
)
def test_what_does_not_fit_is_one_sentence(disturbed_model, small_clip, call, message):
    with pytest.raises(AttributionError) as caught:
        attribute(disturbed_model(), small_clip, **call)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda clip: clip[None].repeat(2, 1, 1, 1, 1), "One clip is explained at a time"),
        (lambda clip: clip[:, :3], "takes clips of shape (B, 3, 4, 8, 12)"),
        (lambda clip: clip * torch.nan, "not finite"),
    ],
    ids=["two clips", "another length", "not a number"],
)
def test_clips_that_do_not_fit(disturbed_model, small_clip, change, message):
    with pytest.raises(AttributionError) as caught:
        attribute(disturbed_model(), change(small_clip), "saliency")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "method",
    [name for name in METHODS if METHODS[name].family in ("hidden state", "relevance")],
)
def test_methods_that_look_inside_ask_for_a_videomamba(linear_model, small_clip, method):
    with pytest.raises(AttributionError, match="VideoMamba"):
        attribute(linear_model, small_clip, method)


def test_an_unknown_method_names_the_nearest():
    with pytest.raises(AttributionError, match="occlusion"):
        find_method("oclusion")
