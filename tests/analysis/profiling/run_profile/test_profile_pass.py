"""Profiles of real passes: times that are known, regions that must be there, nothing changed."""

import copy
import json
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from analysis.models import create_model
from analysis.profiling.errors import ProfilingError
from analysis.profiling.run_profile import compare_profiles, profile_pass, trace_path

DEPTH = 3


@pytest.fixture(scope="module")
def clip():
    return torch.randn(3, 4, 16, 16, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def profiles(clip):
    """An inference pass as it runs, direction by direction, and a training step."""
    model = create_model("videomamba_debug")
    return SimpleNamespace(
        fused=profile_pass(model, clip, steps=2),
        apart=profile_pass(model, clip, steps=2, by_direction=True),
        training=profile_pass(model, clip, steps=2, training=True),
    )


def costs(profile, pass_="forward") -> dict:
    return {cost.region: cost for cost in profile.regions if cost.pass_ == pass_}


def test_time_spent_on_purpose_is_found_where_it_was_spent(spending_model):
    profile = profile_pass(spending_model, torch.randn(3, 2, 8, 8), training=True, steps=2)
    forward, backward = costs(profile), costs(profile, "backward")
    assert forward["attention"].self_ms >= spending_model.forward_ms
    assert backward["mlp"].self_ms >= spending_model.backward_ms
    assert profile.typical_step_ms >= spending_model.forward_ms + spending_model.backward_ms
    assert profile.plain_step_ms >= spending_model.forward_ms + spending_model.backward_ms
    assert forward["mlp"].self_ms < spending_model.backward_ms
    assert forward["attention"].between_ms >= spending_model.forward_ms
    assert sum(cost.share for cost in profile.regions) == pytest.approx(1)


def test_memory_held_on_purpose_is_found_where_it_was_taken(spending_model):
    profile = profile_pass(spending_model, torch.randn(3, 2, 8, 8), steps=1)
    rows, held = costs(profile), spending_model.held_bytes
    assert held <= rows["embed"].allocated_bytes < held + 1000
    assert rows["head"].allocated_bytes < 1000
    assert rows["head"].peak_bytes >= held  # taken before, still held
    assert held <= profile.peak_bytes < held + 5000
    assert profile.memory[-1].held_bytes < 1000


@pytest.mark.parametrize("kind", ["fused", "apart", "training"])
def test_self_times_sum_to_the_steps(profiles, kind):
    profile = getattr(profiles, kind)
    assert len(profile.step_ms) == 2
    for table in (profile.regions, profile.operators):
        assert sum(cost.self_ms for cost in table) == pytest.approx(
            profile.typical_step_ms, rel=1e-3
        )
        assert min(cost.self_ms for cost in table) > -1e-6


def test_regions_of_a_pass_as_it_runs(profiles):
    rows = costs(profiles.fused)
    assert profiles.fused.fused_directions
    assert {name: cost.calls for name, cost in rows.items()} == {
        "embed": 1,
        "norm": DEPTH + 1,
        "in_proj": DEPTH,
        "conv": DEPTH,
        "x_proj": DEPTH,
        "scan": DEPTH,
        "out_proj": DEPTH,
        "head": 1,
        "other": 0,
    }
    assert not costs(profiles.fused, "backward")


def test_direction_by_direction_times_each_scan(profiles):
    rows = costs(profiles.apart)
    assert not profiles.apart.fused_directions
    assert {name: rows[name].calls for name in ("conv", "scan_fwd", "scan_bwd", "gate")} == {
        "conv": 2 * DEPTH,
        "scan_fwd": DEPTH,
        "scan_bwd": DEPTH,
        "gate": DEPTH,
    }
    assert "scan" not in rows


def test_a_training_step_has_every_part_twice_and_an_update(profiles):
    forward, backward = costs(profiles.training), costs(profiles.training, "backward")
    model_parts = set(forward) - {"optimizer", "other"}
    assert model_parts <= set(backward)
    assert forward["optimizer"].self_ms > 0
    assert backward["scan_fwd"].calls >= DEPTH
    kernels = {
        (cost.region, cost.pass_): cost.calls
        for cost in profiles.training.operators
        if cost.operator == "numba::scan_backward"
    }
    assert kernels == {("scan_fwd", "backward"): DEPTH, ("scan_bwd", "backward"): DEPTH}


@pytest.mark.parametrize("training", [False, True], ids=["inference", "training"])
def test_the_model_is_left_as_it_was_found(clip, training):
    model = create_model("videomamba_debug").train()
    model.layers[0].eval()
    before = copy.deepcopy(model.state_dict())
    profile_pass(model, clip, steps=1, training=training)
    assert model.training and not model.layers[0].training and model.layers[1].training
    assert all(parameter.grad is None for parameter in model.parameters())
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name]), name


def test_a_mode_is_put_back_after_an_error(clip):
    model = create_model("videomamba_debug").train()
    with pytest.raises(ProfilingError):
        profile_pass(model, clip[:, :2])
    assert model.training


def test_the_trace_is_json_with_the_named_regions(clip, tmp_path):
    model = create_model("videomamba_debug")
    wanted = trace_path(tmp_path, "debug, training")
    profile = profile_pass(model, clip, steps=2, training=True, trace_file=wanted)
    assert profile.trace_file == wanted
    assert wanted.parent.name == "debug-training"
    assert [path.name for path in wanted.parent.iterdir()] == [wanted.name]
    found = {event["name"] for event in json.loads(wanted.read_text())["traceEvents"]}
    assert {"embed", "norm", "in_proj", "conv", "x_proj", "scan_fwd", "scan_bwd"} <= found
    assert {"gate", "out_proj", "head", "loss", "optimizer", "layer 2"} <= found


def test_rows_are_json(profiles):
    row = json.loads(json.dumps(profiles.training.row()))
    assert row["regions"][0]["pass"] == "forward"
    assert row["machine"]["torch"] == torch.__version__
    assert row["trace_file"] is None


def test_two_profiles_differ_by_the_difference_of_their_steps(profiles):
    rows = compare_profiles(profiles.fused, profiles.apart)
    assert sum(row.difference_ms for row in rows) == pytest.approx(
        profiles.apart.typical_step_ms - profiles.fused.typical_step_ms, abs=1e-3
    )
    by_region = {row.region: row for row in rows}
    assert by_region["scan"].second_ms is None
    assert by_region["scan"].difference_ms == -by_region["scan"].first_ms
    assert by_region["gate"].first_ms is None
    assert [row.difference_ms for row in compare_profiles(profiles.fused, profiles.fused)] == [
        0.0
    ] * len(profiles.fused.regions)


def test_progress_counts_the_steps_and_may_end_the_run(clip, tmp_path):
    seen = []
    profile_pass(
        create_model("videomamba_debug"),
        clip,
        steps=2,
        warmup=1,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(number, 6) for number in range(1, 7)]

    def stop(done: int, total: int) -> None:
        if done == total - 1:  # the profiler runs by then
            raise KeyboardInterrupt

    model = create_model("videomamba_debug")
    with pytest.raises(KeyboardInterrupt):
        profile_pass(model, clip, steps=2, progress=stop, trace_file=tmp_path / "trace.json")
    assert not torch.autograd._profiler_enabled()
    assert not list(tmp_path.iterdir())
    assert len(profile_pass(model, clip, steps=1).step_ms) == 1


class TwoAnswers(nn.Module):
    def __init__(self):
        super().__init__()
        self.config = SimpleNamespace(num_frames=4)
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, clip):
        return clip, clip


@pytest.mark.parametrize(
    ("model", "options", "words"),
    [
        ("videomamba_debug", {"frames": 2}, "can't read this clip: the model takes clips"),
        (TwoAnswers(), {}, "only classifiers are profiled, and TwoAnswers"),
        ("videomamba_debug", {"steps": 0}, "have to be 1 or more, got 0 and 2"),
    ],
    ids=["clip of another size", "no classifier", "no steps"],
)
def test_mistakes_are_one_sentence(clip, model, options, words):
    model = create_model(model) if isinstance(model, str) else model
    options = dict(options)
    clip = clip[:, : options.pop("frames", 4)]
    with pytest.raises(ProfilingError, match=words) as error:
        profile_pass(model, clip, **options)
    assert "\n" not in str(error.value)


def test_image_models_take_a_picture(clip):
    profile = profile_pass(create_model("videomamba_image_debug"), clip[:, 0], steps=1)
    assert profile.batch == 1
    assert "scan" in costs(profile)
