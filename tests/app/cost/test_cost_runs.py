"""Sweeps of visitors: kept between visits, stopped on demand, begun anew when complete."""

import json
from dataclasses import replace

import pytest

from analysis.profiling.sweep.isolated import Cancelled
from analysis.profiling.sweep.point import PointResult
from analysis.profiling.sweep.spec import SweepSpec
from app.cost_sweeps import CostRuns, estimated_s, shown_sweeps
from app.tabs.cost_controls import measurable_models, requested_spec

SPEC = SweepSpec(models=("timesformer_tiny_joint",), kernels=("sdpa",), frames=(2, 4), timing_s=1.0)


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Runs whose points take no time; `asked` counts them."""
    runs = CostRuns(tmp_path)
    runs.asked = []

    def execute(points, limits, cancelled):
        for point in points:
            if cancelled():
                raise Cancelled
            runs.asked.append(point)
            yield PointResult(point, "measured", tokens=point.tokens, times_ms=(1.0, 1.0))

    monkeypatch.setattr("analysis.profiling.sweep.on_ray.chosen_execution", lambda: execute)
    return runs


def test_a_sweep_is_known_afterwards_and_measured_anew_when_asked_again(runs):
    assert runs.known(SPEC) is None
    list(runs.measure(SPEC, "ann"))
    assert runs.known(SPEC).complete
    list(runs.measure(SPEC, "ann"))
    assert len(runs.asked) == 4


def test_a_visitor_stops_their_own_sweep_and_keeps_what_was_measured(runs):
    steps = runs.measure(SPEC, "ann")
    next(steps)
    next(steps)
    assert not runs.stop("bob")
    assert runs.stop("ann")
    assert list(steps) == []
    assert not runs.stop("ann"), "it is over"
    assert len(runs.known(SPEC).measurements) == 1
    list(runs.measure(SPEC, "bob"))
    assert len(runs.asked) == 2, "the point that was there is not measured again"


def test_a_sweep_of_another_machine_is_not_shown(runs):
    list(runs.measure(SPEC, "ann"))
    file = runs.file(SPEC)
    row = json.loads(file.read_text())
    row["machine"]["threads"] = 99
    file.write_text(json.dumps(row))
    assert runs.known(SPEC) is None
    assert len(list(runs.measure(SPEC, "ann"))) == 3


def test_the_controls_make_a_sweep(runs):
    spec = requested_spec(
        *(["videomamba_tiny"], ["auto"], [8, 2], [112], [1], ["training"], ["bfloat16"]),
        *("cpu", 2.0, 30),
    )
    assert (spec.frames, spec.passes, spec.repeats, spec.time_cap_s) == (
        (2, 8),
        ("training",),
        2,
        30,
    )
    assert estimated_s(replace(spec, repeats=4)) == 2 * estimated_s(spec)


def test_every_model_offered_can_be_measured():
    names = measurable_models()
    assert {"videomamba_mini", "timesformer_base_divided", "vivit_tiny_factorised"} <= set(names)
    assert {"moma_l14", "mamba_adaptor_b1", "vim_tiny", "vmamba_tiny"} <= set(names)
    assert {"timesformer_l14_joint", "timesformer_l14_divided", "vit_l14"} <= set(names)
    assert not any("image" in name or "debug" in name for name in names)
    for name in names:
        spec = SweepSpec(models=(name,), kernels=("auto", "softmax"), frames=(8,))
        assert spec.ranks[0][0].tokens > 1


def test_a_reference_measured_on_a_gpu_is_called_by_its_name(tmp_path, monkeypatch):
    monkeypatch.setattr("app.cost_sweeps.REFERENCE_FOLDER", tmp_path)
    assert shown_sweeps() == {}
    machine = {"device": "cuda", "gpu": "NVIDIA H200"}
    (tmp_path / "paper_figure_1.json").write_text(json.dumps({"machine": machine}))
    (title,) = shown_sweeps().values()
    assert title.startswith("H200 reference, ")
