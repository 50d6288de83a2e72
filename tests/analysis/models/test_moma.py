"""MoMa: what it is at the start, its patterns, switches and read-outs."""

from dataclasses import fields
from itertools import pairwise

import pytest
import torch

from analysis.layers.modulation import FUSIONS
from analysis.models import create_model, model_config
from analysis.models.moma_config import PATTERNS

FULL = {"cls_mode": "frame", "window": None}


@pytest.fixture(autouse=True)
def _small(one_thread):
    """Nothing here is large enough for a second thread."""


def moma(name="moma_debug", dtype=torch.float64, **overrides):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return create_model(name, **overrides).to(dtype).eval()


def shaken(name="moma_debug", dtype=torch.float64, **overrides):
    """A model whose modulators say something: nothing is zero any more."""
    model = moma(name, dtype, **overrides)
    generator = torch.Generator().manual_seed(2)
    for parameter in model.parameters():
        if parameter.requires_grad:
            noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            parameter.data += 0.2 * noise.to(dtype)
    return model


def random_clip(frames=4, batch=2, dtype=torch.float64):
    generator = torch.Generator().manual_seed(1)
    return torch.randn(batch, 3, frames, 32, 32, generator=generator, dtype=torch.float64).to(dtype)


def layer_outputs(model, clip):
    return [step for step in model.steps(clip) if step.kind == "think"]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_whole_frames_with_class_tokens_start_as_clip(dtype):
    model, clip = moma(dtype=dtype, **FULL), random_clip(dtype=dtype)
    bound = 1e-5 if dtype == torch.float32 else 1e-12
    with torch.inference_mode():
        tokens = model.tower.embed(clip)
        for block, step in zip(
            model.tower.transformer.resblocks, layer_outputs(model, clip), strict=True
        ):
            tokens, _ = block(tokens)
            frames = tokens.unflatten(0, (2, 4))
            torch.testing.assert_close(step.cls, frames[:, :, 0], rtol=0, atol=bound)
            patches = step.patches.flatten(2, 3)
            torch.testing.assert_close(patches, frames[:, :, 1:], rtol=0, atol=bound)


def test_the_default_is_not_clip_but_windowed_clip():
    model, clip = moma(), random_clip()
    with torch.inference_mode():
        tokens = model.tower.embed(clip)
        for block in model.tower.transformer.resblocks:
            tokens, _ = block(tokens)
        frames = tokens.unflatten(0, (2, 4))[:, :, 1:]
        found = model.forward_features(clip).flatten(2, 3)
        assert (found - frames).abs().max() > 0.05
        windowed = moma(fusion="skip").forward_features(clip).flatten(2, 3)
        assert torch.equal(found, windowed)


@pytest.mark.parametrize("batch", [1, 3])
def test_read_out_of_patches_is_the_mean_then_norm_and_projection(batch):
    model, clip = shaken(), random_clip(batch=batch)
    with torch.inference_mode():
        mean = model.forward_features(clip).reshape(batch, -1, 32).mean(1)
        direction = model.tower.ln_post(mean) @ model.tower.proj
        expected = direction / direction.square().sum(-1, keepdim=True).sqrt()
        torch.testing.assert_close(model.encode_clips(clip), expected)


def test_read_out_of_class_tokens_of_a_still_start_is_clips_own():
    """All frames alike: the mean of class tokens is each, so it is CLIP's image embedding."""
    model = moma(readout="cls", **FULL)
    still = random_clip()[:, :, :1].expand(-1, -1, 4, -1, -1)
    with torch.inference_mode():
        expected = model.tower(still[:, :, :1])[:, 0]
        expected = expected / expected.norm(dim=-1, keepdim=True)
        torch.testing.assert_close(model.encode_clips(still), expected)
        torch.testing.assert_close(model.encode_frozen(still), expected)


def test_the_teacher_is_the_mean_of_frames_and_gets_no_gradient():
    model, clip = shaken(), random_clip()
    frozen = model.encode_frozen(clip)
    assert not frozen.requires_grad
    frames = torch.stack([model.tower(frame[:, :, None])[:, 0] for frame in clip.unbind(2)])
    mean = frames.mean(0)
    torch.testing.assert_close(frozen, mean / mean.norm(dim=-1, keepdim=True))


def test_logits_are_scaled_cosines_with_the_classes():
    model, clip = shaken(), random_clip()
    texts = torch.randn(5, 16, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    model.head.set_classes(texts, 20.0)
    with torch.inference_mode():
        expected = 20 * torch.cosine_similarity(model.encode_clips(clip)[:, None], texts, dim=-1)
        torch.testing.assert_close(model(clip), expected)
    with pytest.raises(ValueError, match=r"directions of shape \(5, 16\) were expected, got"):
        model.head.set_classes(texts[:3], 20.0)


def letters(config):
    names = {"attend": "a", "modulate": "M", "think": "t"}
    return "".join(names[step] for step in config.steps)


@pytest.mark.parametrize(
    ("pattern", "steps"),
    [
        ("TM", "aMtaMtaMtaMt"),
        ("T_then_M", "atatatatMMMM"),
        ("half_TMM", "atatatMMatMM"),
        ("TTMM", "atatMMatatMM"),
    ],
)
def test_patterns(pattern, steps):
    config = model_config("moma_mini", pattern=pattern)
    assert letters(config) == steps and config.modulations == 4
    assert letters(model_config("moma_mini", pattern=pattern, fusion="skip")) == "at" * 4


@pytest.mark.parametrize("pattern", PATTERNS)
def test_patterns_start_as_the_frozen_layers_and_learn(pattern):
    clip = random_clip()
    with torch.inference_mode():
        start = moma(pattern=pattern).forward_features(clip)
        assert torch.equal(start, moma(fusion="skip").forward_features(clip))
        later = shaken(pattern=pattern).forward_features(clip)
    assert (later - start).abs().max() > 0.1


@pytest.mark.parametrize(
    ("overrides", "steps"),
    [
        ({"readout": "cls"}, "aMtaMtaMtat"),
        ({"readout": "cls", "pattern": "TTMM"}, "atatMMatat"),
        ({"readout": "mean"}, "aMtaMtaMtaMt"),
    ],
    ids=["cls", "cls_ttmm", "mean"],
)
def test_modulations_without_a_way_to_class_tokens_are_left_out(overrides, steps):
    config = model_config("moma_mini", cls_mode="frame", **overrides)
    assert letters(config) == steps


@pytest.mark.parametrize("readout", ["mean", "cls"])
def test_every_trained_tensor_is_heard_in_the_read_out(readout):
    model = shaken(cls_mode="frame", readout=readout, temporal_embedding=True)
    model.encode_clips(random_clip())[:, 0].sum().backward()
    silent = {n for n, p in model.named_parameters() if p.requires_grad and not p.grad.any()}
    assert not silent
    assert all(p.grad is None for p in model.tower.parameters())


@pytest.mark.parametrize(
    ("moving", "changes"),
    [
        ({}, True),
        ({"fusion": "skip"}, False),
        ({"fusion": "skip", "window": (2, 2, 2)}, True),
    ],
    ids=["modulated", "frames_alone", "windows_over_frames"],
)
def test_frame_order_matters_to_modulation_only(moving, changes):
    model, clip = shaken(**moving), random_clip()
    shuffled = clip[:, :, [2, 0, 3, 1]]
    with torch.inference_mode():
        change = (model.encode_clips(shuffled) - model.encode_clips(clip)).abs().max()
    assert change > 1e-3 if changes else change < 1e-12


def test_frame_order_does_not_matter_at_the_start_but_with_moments():
    clip = random_clip()
    shuffled = clip[:, :, [2, 0, 3, 1]]
    plain, with_moments = moma(), moma(temporal_embedding=True)
    with torch.inference_mode():
        torch.testing.assert_close(plain.encode_clips(clip), plain.encode_clips(shuffled))
        assert torch.equal(plain.encode_clips(clip), with_moments.encode_clips(clip))
        with_moments.temporal_embedding.normal_(std=0.1, generator=torch.Generator().manual_seed(0))
        change = with_moments.encode_clips(clip) - with_moments.encode_clips(shuffled)
    assert change.abs().max() > 1e-3


@pytest.mark.parametrize("fusion", FUSIONS)
@pytest.mark.parametrize("cls_mode", ["drop", "frame"])
def test_clips_of_a_batch_are_independent(fusion, cls_mode):
    model, clip = shaken(fusion=fusion, cls_mode=cls_mode), random_clip(batch=3)
    with torch.inference_mode():
        together = model(clip)
        torch.testing.assert_close(torch.cat([model(one[None]) for one in clip]), together)
    assert (together[0] - together[1]).abs().max() > 1e-3


SWITCHES = {
    "published": {},
    "no_gate_no_share": {"share_scans": False},
    "gate": {"gate": True},
    "frame_cls": FULL,
    "frame_cls_read": {**FULL, "readout": "cls"},
    "three_axes": {"window": (2, 3, 2)},
    "ragged": {"window": 3},
    "linear_moments": {"head": "linear", "temporal_embedding": True},
    **{f"fusion_{fusion}": {"fusion": fusion} for fusion in FUSIONS},
    **{f"pattern_{pattern}": {"pattern": pattern} for pattern in PATTERNS},
}


@pytest.mark.parametrize("case", SWITCHES)
def test_single_precision_stays_close_to_double(case):
    exact, clip = shaken(**SWITCHES[case]), random_clip()
    fast = shaken(dtype=torch.float32, **SWITCHES[case])
    fast.load_state_dict(exact.state_dict())
    with torch.inference_mode():
        found, expected = (m.encode_clips(c) for m, c in ((fast, clip.float()), (exact, clip)))
    assert (found.double() - expected).abs().max() < 1e-4


@pytest.mark.parametrize("window", [2, (2, 2, 2)], ids=str)
@pytest.mark.parametrize("frames", [1, 4, 7])
def test_any_number_of_frames(frames, window):
    model = shaken(window=window)
    with torch.inference_mode():
        assert model(random_clip(frames)).shape == (2, 5)
        assert model.forward_features(random_clip(frames)).shape == (2, frames, 4, 4, 32)


@pytest.mark.parametrize("case", [case for case in SWITCHES if case != "fusion_skip"])
def test_recomputed_steps_give_the_same_gradients(case):
    gradients = []
    for recomputed in (False, True):
        model = shaken(**SWITCHES[case])
        model.checkpoint_layers = recomputed
        model(random_clip()).square().sum().backward()
        gradients.append({n: p.grad for n, p in model.named_parameters() if p.requires_grad})
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], gradient)


def test_steps_tell_what_modulation_did():
    model, clip = shaken(), random_clip()
    steps = list(model.steps(clip))
    assert [step.kind for step in steps] == ["embed", *("attend", "modulate", "think") * 2]
    for before, step in pairwise(steps):
        assert (step.modulation is not None) == (step.kind == "modulate")
        if step.modulation:
            said = step.modulation
            assert said.x is before.patches and said.out is step.patches
            assert said.scale.shape == said.bias.shape == (2, 4, 4, 4, 32)


IMPOSSIBLE = {
    "fusion": ({"fusion": "gate"}, "unknown fusion 'gate'; choose seqmod or"),
    "pattern": ({"pattern": "MT"}, "unknown pattern 'MT'; choose TM or"),
    "cls_mode": ({"cls_mode": "keep"}, "unknown cls_mode"),
    "readout": ({"readout": "max"}, "unknown readout"),
    "head": ({"head": "mlp"}, "unknown head"),
    "scans": ({"scans": ("diagonal",)}, "choose some of spatial_first"),
    "no_scans": ({"scans": ()}, "choose some of spatial_first"),
    "window": ({"window": 0}, "a window has one side or three"),
    "window_sides": ({"window": (2, 2)}, "a window has one side or three"),
    "kernel": ({"attention_kernel": "flash"}, "unknown attention kernel"),
    "no_class_token": ({"readout": "cls"}, 'with cls_mode "frame" only'),
    "no_way": (
        {"readout": "cls", "cls_mode": "frame", "pattern": "T_then_M"},
        "no modulation has a way to the class tokens",
    ),
    "size": ({"image_size": 30}, "choose a multiple of 8"),
}


@pytest.mark.parametrize("case", IMPOSSIBLE)
def test_impossible_models_are_one_sentence(case):
    overrides, message = IMPOSSIBLE[case]
    with pytest.raises(ValueError, match=message):
        create_model("moma_debug", **overrides)


def test_towers_that_do_not_fit_are_one_sentence():
    tower = model_config("moma_debug").tower
    changed = {field.name: getattr(tower, field.name) for field in fields(tower)}
    with pytest.raises(ValueError, match="got tubelets of 2"):
        create_model("moma_debug", tower=type(tower)(**{**changed, "tubelet": 2}))
    with pytest.raises(ValueError, match="TTMM takes an even number of layers, not 3"):
        create_model("moma_debug", tower=type(tower)(**{**changed, "layers": 3}), pattern="TTMM")


def test_clips_of_another_size_are_one_sentence():
    with pytest.raises(ValueError, match=r"\(B, 3, T, 32, 32\), got"):
        moma()(random_clip()[..., :16])
    with pytest.raises(ValueError, match="has 4 frames, got a clip of 7"):
        moma(temporal_embedding=True)(random_clip(7))


def test_read_in_the_order_it_amounts_to_nothing_changes():
    model, clip = shaken(), random_clip()
    assert model.scan_order == model.config.scan_order == "spatiotemporal_v2"
    with torch.inference_mode():
        before = model(clip)
        model.set_scan_order("spatiotemporal_v2")
        torch.testing.assert_close(model(clip), before)


@pytest.mark.parametrize(
    ("scan_order", "first", "second"),
    [
        ("alternating", [("spatial_first", False), ("spatial_first", True)], "temporal_first"),
        ("spatiotemporal_v1", [("spatial_first", False), ("temporal_first", True)], None),
    ],
)
def test_a_scan_order_is_read_layer_by_layer(scan_order, first, second):
    """Each modulator against one that was made for its paths, with the same parameters."""
    model, clip = shaken(), random_clip()
    own = shaken(scan_order=scan_order)
    own.load_state_dict(model.state_dict())
    model.set_scan_order(scan_order)
    paths = [list(modulator.ssm.paths) for modulator in model.modulators]
    assert paths[0] == first
    assert paths[1] == (first if second is None else [(second, False), (second, True)])
    assert own.config.scan_order == own.scan_order == model.scan_order == scan_order
    with torch.inference_mode():
        assert torch.equal(model(clip), own(clip))
        if second is not None:
            alone = shaken(scans=(second,)).modulators[1]
            alone.load_state_dict(model.modulators[1].state_dict())
            x = random_clip()[:, :, :, :4].reshape(2, 4, 2, 6, 32)
            torch.testing.assert_close(model.modulators[1](x).out, alone(x).out)


def test_paths_with_parameters_of_their_own_are_read_in_any_selection():
    model, clip = shaken(share_scans=False), random_clip()
    paths = model.modulators[0].ssm.paths
    model.set_scans(("temporal_first",), bidirectional=True)
    assert model.scan_order == "temporal_first"
    alone = shaken(share_scans=False, scans=("temporal_first",))
    own = {path: scan for path, scan in zip(paths, model.modulators[0].ssm.scans, strict=True)}
    for kept, scan in zip(paths[2:], alone.modulators[0].ssm.scans, strict=True):
        scan.load_state_dict(own[kept].state_dict())
    for name in ("in_norm", "in_proj", "merge_norm", "out_proj"):
        fresh, trained = (getattr(each.modulators[0].ssm, name) for each in (alone, model))
        fresh.load_state_dict(trained.state_dict())
    x = random_clip()[:, :, :, :4].reshape(2, 4, 2, 6, 32)
    with torch.inference_mode():
        torch.testing.assert_close(model.modulators[0](x).out, alone.modulators[0](x).out)
        before = shaken(share_scans=False)(clip)
        model.set_scan_order("alternating")
        assert not torch.equal(model(clip), before)
        model.set_scan_order("spatiotemporal_v2")
        torch.testing.assert_close(model(clip), before)


def test_a_path_without_parameters_is_refused():
    one = moma(share_scans=False, scans=("spatial_first",))
    with pytest.raises(ValueError, match="one of those asked for has none"):
        one.set_scan_order("temporal_first")
    assert one.scan_order == "spatial_first"
    with pytest.raises(ValueError, match="alternating takes scans both ways in both"):
        model_config(
            "moma_debug", share_scans=False, scans=("spatial_first",), scan_order="alternating"
        )


def test_scans_that_are_no_scan_order_have_no_name():
    assert moma(bidirectional=False).scan_order is None
    assert model_config("moma_debug", scans=("temporal_first",)).scan_order == "temporal_first"
    with pytest.raises(ValueError, match="unknown scan order"):
        model_config("moma_debug", scan_order="spatial_fist")
