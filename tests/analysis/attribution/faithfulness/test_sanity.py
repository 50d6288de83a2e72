"""Random parameters, shuffled frames, agreement and intervals."""

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from analysis.attribution.attribution import attribute
from analysis.attribution.faithfulness.agreement import agreement, rank_correlation
from analysis.attribution.faithfulness.bootstrap import bootstrap_interval
from analysis.attribution.faithfulness.sanity import (
    EMBEDDING,
    cascade_randomisation,
    frame_shuffle,
    stage_parameters,
    untrained_like,
)
from analysis.models import create_model


@pytest.fixture
def model():
    torch.manual_seed(0)
    model = create_model("videomamba_debug", num_frames=3, image_size=8).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
    return model


def cascade(model, explain, stages=None):
    generator = torch.Generator().manual_seed(0)
    return list(cascade_randomisation(model, explain, generator=generator, stages=stages))


def test_every_parameter_has_one_stage(model):
    stages = stage_parameters(model)
    assert list(stages) == ["head", "layers.2", "layers.1", "layers.0", EMBEDDING]
    names = [name for part in stages.values() for name in part]
    assert sorted(names) == sorted(name for name, _ in model.named_parameters())
    assert {"head.weight", "head.bias", "norm_f.weight"} == set(stages["head"])
    assert "pos_embed" in stages[EMBEDDING] and "cls_token" in stages[EMBEDDING]


def test_parameters_go_from_the_head_down(model):
    """Told by a 'map' that reads parameters instead of explaining anything."""
    before = {name: value.clone() for name, value in model.state_dict().items()}
    seen = []

    def explain(other):
        seen.append([not torch.equal(before[n], p) for n, p in other.named_parameters()])
        return np.arange(12.0).reshape(3, 2, 2)

    names = [name for name, _ in model.named_parameters()]
    found = cascade(model, explain)
    assert [stage.stage for stage in found] == ["", *stage_parameters(model)]
    assert not any(seen[0])
    gone = set()
    for changed, part in zip(seen[1:], stage_parameters(model).values(), strict=True):
        gone |= set(part)
        assert {n for n, c in zip(names, changed, strict=True) if c} <= gone
        assert any(c for n, c in zip(names, changed, strict=True) if n in part)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert all(stage.correlation == 1.0 for stage in found)


def test_fewer_stages_still_end_with_everything(model):
    found = cascade(model, lambda other: other.head.weight.detach().numpy()[None, :, :], stages=2)
    assert [stage.stage for stage in found] == ["", "head", EMBEDDING]
    assert abs(found[1].correlation) < 0.5


def test_a_gradient_map_changes_and_an_edge_detector_does_not(model):
    """What the check is for: a map of the clip alone passes for an explanation until here."""
    clip = torch.randn(3, 3, 8, 8)
    gradients = cascade(model, lambda other: attribute(other, clip, "saliency", 0).values)
    edges = np.abs(clip.numpy()).sum(0).reshape(3, 2, 4, 2, 4).sum((2, 4))
    detector = cascade(model, lambda other: edges)
    assert gradients[-1].magnitude_correlation < 0.9
    assert detector[-1].magnitude_correlation == pytest.approx(1.0)


def test_a_fresh_model_depends_on_the_generator_alone(model):
    torch.manual_seed(5)
    state = torch.random.get_rng_state()
    one, two = (untrained_like(model, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(state, torch.random.get_rng_state())
    other = untrained_like(model, torch.Generator().manual_seed(4))
    assert torch.equal(one.head.weight, two.head.weight)
    assert not torch.equal(one.head.weight, other.head.weight)
    assert one.config == model.config


def test_shuffled_frames_do_not_move_the_map_of_a_model_that_ignores_order(linear_clips):
    """A map of each frame by itself follows its frame; one that weighs frames by their place
    does not."""
    clip = linear_clips[0]

    def by_frame(clip):
        return (clip**2).sum(0).reshape(4, 1, 3, 2, 3, 2).sum((1, 3, 5)).numpy()

    def by_place(clip):
        return by_frame(clip) * np.array([1, 10, 100, 1000])[:, None, None]

    generator = np.random.default_rng(1)
    still = frame_shuffle(by_frame, clip, 4, generator)
    assert sorted(still.permutation) == [0, 1, 2, 3] != list(still.permutation)
    assert still.correlation == pytest.approx(1.0)
    assert still.moved == pytest.approx(0.0, abs=1e-12)
    moved = frame_shuffle(by_place, clip, 4, np.random.default_rng(1))
    assert moved.correlation < 0.9 and moved.moved > 0.1


def test_frames_of_one_time_step_stay_together():
    clip = torch.arange(6.0).view(1, 6, 1, 1).expand(3, -1, -1, -1)
    seen = []

    def explain(clip):
        seen.append(clip[0, :, 0, 0].tolist())
        return np.ones((3, 1, 1))

    found = frame_shuffle(explain, clip, 3, np.random.default_rng(0))
    expected = [frame for step in found.permutation for frame in (2 * step, 2 * step + 1)]
    assert seen == [[0, 1, 2, 3, 4, 5], expected]


def test_agreement_of_known_maps():
    base = np.arange(20.0).reshape(1, 4, 5)
    found = agreement({"a": base, "b": base**3, "c": -base, "flat": np.ones((1, 4, 5))}, 0.2)
    assert found.methods == ("a", "b", "c", "flat") and found.top == 4
    np.testing.assert_allclose(found.spearman[:3, :3], [[1, 1, -1], [1, 1, -1], [-1, -1, 1]])
    np.testing.assert_allclose(found.overlap[:3, :3], [[1, 1, 0], [1, 1, 0], [0, 0, 1]])
    assert found.spearman[3, 0] == 0


def test_rank_correlation_is_scipys():
    generator = np.random.default_rng(0)
    a, b = generator.integers(0, 6, (2, 40))
    assert rank_correlation(a, b) == pytest.approx(spearmanr(a, b).statistic)


def test_intervals_hold_the_mean_as_often_as_they_say():
    generator = np.random.default_rng(0)
    held = 0
    for _ in range(200):
        values = generator.normal(3.0, 1.0, 40)
        interval = bootstrap_interval(values, generator, resamples=400)
        assert interval.low <= interval.mean <= interval.high
        held += interval.low <= 3.0 <= interval.high
    assert 0.88 <= held / 200 <= 0.99


def test_intervals_of_few_values():
    generator = np.random.default_rng(0)
    assert bootstrap_interval([], generator) is None
    one = bootstrap_interval([2.0], generator)
    assert (one.mean, one.low, one.high, one.clips) == (2.0, 2.0, 2.0, 1)


@pytest.mark.parametrize(
    ("name", "fields", "layers"),
    [
        ("moma_debug", {"image_size": 16}, 2),
        ("moma_debug", {"image_size": 16, "pattern": "T_then_M"}, 2),
        ("aim_debug", {"image_size": 16}, 2),
        ("vmamba_debug", {"image_size": 16}, 4),
        ("mamba_adaptor_debug", {"image_size": 16}, 4),
    ],
)
def test_other_models_end_as_one_never_trained(name, fields, layers):
    """Every parameter and every class direction of a text head has gone once all stages have."""
    torch.manual_seed(0)
    model = create_model(name, **fields).eval()
    for parameter in model.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    stages = stage_parameters(model)
    assert list(stages) == ["head", *(f"layers.{n}" for n in reversed(range(layers))), EMBEDDING]
    every = [*dict(model.named_parameters()), *dict(model.named_buffers())]
    assert sorted(n for part in stages.values() for n in part) == sorted(every)
    clip = torch.randn(3, model.config.num_frames or 1, *model.config.frame_size)
    found = cascade(model, lambda other: attribute(other, clip, "saliency", 0).values, stages=2)
    fresh = untrained_like(model, torch.Generator().manual_seed(0)).eval()
    expected = attribute(fresh, clip, "saliency", 0).values
    np.testing.assert_allclose(found[-1].values, expected, rtol=1e-5, atol=1e-9)
    assert not np.allclose(found[0].values, expected)


def test_modulations_go_with_the_layer_they_follow():
    after_all = create_model("moma_debug", pattern="T_then_M")
    within = create_model("moma_debug")
    for model, own in ((after_all, ["0", "1"]), (within, ["1"])):
        names = stage_parameters(model)["layers.1"]
        found = {name.split(".")[1] for name in names if name.startswith("modulators")}
        assert sorted(found) == own
