"""Whole sweeps: order, limits, files that survive, machines that differ, a local Ray."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from analysis.profiling.errors import ProfilingError
from analysis.profiling.sweep.isolated import Cancelled
from analysis.profiling.sweep.on_ray import chosen_execution
from analysis.profiling.sweep.point import FAILED, NOT_RUN, OUT_OF_MEMORY
from analysis.profiling.sweep.run import in_process, read_sweep, run_sweep
from analysis.profiling.sweep.spec import SweepSpec
from analysis.ray_cluster import ADDRESS
from tests.analysis.profiling.sweep.conftest import known_result

ROOT = Path(__file__).parents[4]
SPEC = SweepSpec(
    models=("videomamba_debug", "timesformer_tiny_joint"),
    kernels=("auto", "sdpa"),
    frames=(2, 4, 8),
    image_sizes=(16,),
    timing_s=0.05,
)


def noted(order: list, fails=lambda point: None):
    """An execution that makes results up and writes down what it was asked for."""

    def execute(points, limits, cancelled):
        for point in points:
            if cancelled():
                raise Cancelled
            order.append((point.curve.model, point.num_frames))
            status = fails(point)
            result = known_result(point, 1.0, 1e6)
            yield result if status is None else replace(result, status=status, times_ms=())

    return execute


def test_a_sweep_goes_by_size_and_is_complete(tmp_path):
    order = []
    file = tmp_path / "deep" / "sweep.json"
    sweeps = list(run_sweep(SPEC, file, execute=noted(order)))
    assert [len(sweep.measurements) for sweep in sweeps] == list(range(7))
    assert order == [(m, f) for f in (2, 4, 8) for m in SPEC.models]
    assert sweeps[-1].complete and not sweeps[-2].complete
    assert read_sweep(file).row() == sweeps[-1].row()


def test_a_stopped_sweep_goes_on_and_measures_nothing_twice(tmp_path):
    file, order = tmp_path / "sweep.json", []
    wanted = iter([False, False, False, True])
    with pytest.raises(Cancelled):
        list(run_sweep(SPEC, file, execute=noted(order), cancelled=lambda: next(wanted)))
    list(run_sweep(SPEC, file, execute=noted(order)))
    assert order == [(m, f) for f in (2, 4, 8) for m in SPEC.models]


def test_failed_points_are_tried_again_and_repeats_are_merged(tmp_path):
    file, order = tmp_path / "sweep.json", []
    spec = replace(SPEC, repeats=2, frames=(2,))
    failing = noted(order, lambda point: FAILED if len(order) == 1 else None)
    sweep = list(run_sweep(spec, file, execute=failing))[-1]
    assert not sweep.complete
    sweep = list(run_sweep(spec, file, execute=noted(order)))[-1]
    assert sweep.complete
    assert len(sweep.results) == 2
    assert all(len(result.times_ms) == 10 for result in sweep.results)


def test_what_is_larger_than_too_large_is_not_run():
    order = []

    def too_much(point):
        joint = point.curve.model == "timesformer_tiny_joint"
        return OUT_OF_MEMORY if joint and point.num_frames == 4 else None

    sweep = list(run_sweep(SPEC, execute=noted(order, too_much)))[-1]
    assert ("timesformer_tiny_joint", 8) not in order
    assert ("videomamba_debug", 8) in order
    last = sweep.results[-1]
    assert (last.status, last.note) == (
        NOT_RUN,
        "not run: 4 frames of 16 pixels already ran out of memory",
    )
    assert sweep.complete


def test_a_file_of_something_else_is_left_alone(tmp_path):
    file = tmp_path / "sweep.json"
    list(run_sweep(SPEC, file, execute=noted([])))
    before = file.read_bytes()
    with pytest.raises(ProfilingError, match="holds another sweep"):
        next(run_sweep(replace(SPEC, frames=(2,)), file))
    row = json.loads(before)
    row["machine"]["processor"] = "another"
    file.write_text(json.dumps(row))
    with pytest.raises(ProfilingError, match=r"another machine \(processor differ\)"):
        next(run_sweep(SPEC, file))
    (tmp_path / "other.json").write_text('{"format": "none"}')
    with pytest.raises(ProfilingError, match="is not a file that"):
        read_sweep(tmp_path / "other.json")


def test_a_sweep_for_a_gpu_needs_one():
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(ProfilingError, match="finds no CUDA GPU here"):
        next(run_sweep(replace(SPEC, device="cuda")))


def _sweep_command(folder: Path, *extra: str) -> list[str]:
    spec = folder / "spec.json"
    spec.write_text(json.dumps(replace(SPEC, models=("timesformer_tiny_joint",)).row()))
    out = ["--out", str(folder / "out.json")]
    return [sys.executable, "-m", "analysis", "profile", "sweep", "--spec", str(spec), *out, *extra]


@pytest.mark.thorough
def test_the_command_survives_a_kill_and_ends_with_every_point(tmp_path):
    command = _sweep_command(tmp_path)
    first = subprocess.Popen(
        command, cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert "measured" in first.stderr.readline()
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    first.stderr.close()
    kept = len(read_sweep(tmp_path / "out.json").measurements)
    assert kept >= 1
    second = subprocess.run(
        [*command, "--json"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert len(second.stderr.splitlines()) == 3 - kept
    printed = json.loads(second.stdout)
    assert [row["num_frames"] for row in printed["results"]] == [2, 4, 8]
    assert all(row["status"] == "measured" for row in printed["results"])
    assert {slope["measure"] for slope in printed["slopes"]} == {"latency_ms", "memory_bytes"}
    assert printed["machine"]["torch"]


@pytest.mark.thorough
def test_the_same_points_run_on_a_local_ray(monkeypatch):
    ray = pytest.importorskip("ray", reason="Ray is an optional requirement")
    monkeypatch.setenv(ADDRESS, "local")
    spec = replace(SPEC, models=("timesformer_tiny_joint",), frames=(2,), threads=1)
    try:
        sweep = list(run_sweep(spec, execute=chosen_execution()))[-1]
        [result] = sweep.results
        assert result.status == "measured", result.note
        began = time.monotonic()
        with pytest.raises(Cancelled):
            list(run_sweep(spec, execute=chosen_execution(), cancelled=lambda: True))
        assert time.monotonic() - began < 10
    finally:
        ray.shutdown()


def test_without_an_address_points_run_in_process(monkeypatch):
    monkeypatch.delenv(ADDRESS, raising=False)
    assert chosen_execution() is in_process
