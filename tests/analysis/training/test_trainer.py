"""Training runs of a few steps on a tiny task: exact resume, falling loss, clear refusals."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from analysis.training.errors import TrainingError
from analysis.training.kept_files import read_json_lines
from analysis.training.progress import PROGRESS_FILE, TENSORBOARD_FOLDER
from analysis.training.recipe import Execution
from analysis.training.state import STATE_FILE
from analysis.training.trainer import train

HERE = os.path.dirname(__file__)


def weights_of(state) -> torch.Tensor:
    models = [m for m in (state.model, state.mean_model) if m is not None]
    return torch.cat([p.detach().flatten() for model in models for p in model.parameters()])


def variants(tiny):
    """Recipes whose randomness lies in different places."""
    return {
        "plain": tiny,
        "drop path": replace(tiny, model=replace(tiny.model, drop_path_rate=0.5)),
        "accumulate": replace(tiny, execution=Execution(accumulate=3)),
        "bfloat16": replace(tiny, execution=Execution(precision="bfloat16")),
        "no mean": replace(tiny, optimizer=replace(tiny.optimizer, mean_decay=None)),
    }


@pytest.mark.parametrize("variant", ["plain", "drop path", "accumulate", "bfloat16", "no mean"])
def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(tiny, material, tmp_path, variant):
    recipe = variants(tiny)[variant]
    whole = train(recipe, material, tmp_path / "whole")
    train(recipe, material, tmp_path / "parts", stop_after=3)
    torch.rand(7)  # Whatever else drew random numbers in between must not matter.
    resumed = train(recipe, material, tmp_path / "parts")
    assert resumed.step == whole.step == 8
    assert torch.equal(weights_of(resumed), weights_of(whole))


KILLED_RUN = """
    import sys
    from dataclasses import replace
    from pathlib import Path
    sys.path.insert(0, {here!r})
    from conftest import TINY, NoiseMaterial
    from analysis.training.trainer import train
    from safetensors.torch import save_file

    recipe = replace(TINY, clips=480)
    state = train(recipe, NoiseMaterial(), Path({folder!r}), save_every=4, report_every=2)
    save_file(state.mean_model.state_dict(), {result!r})
"""


def start_run(folder, result):
    code = KILLED_RUN.format(here=HERE, folder=str(folder), result=str(result))
    return subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)])


@pytest.mark.thorough
def test_a_run_killed_again_and_again_ends_in_the_same_weights(tmp_path):
    undisturbed = start_run(tmp_path / "whole", tmp_path / "whole.safetensors")
    kills = 0
    for patience_s in (0.05, 0.3, 120):
        process = start_run(tmp_path / "killed", tmp_path / "killed.safetensors")
        progress = tmp_path / "killed" / PROGRESS_FILE
        seen = progress.read_text().count("\n") if progress.exists() else 0
        while process.poll() is None and patience_s < 100:
            # Killed a moment after it went on: in a step, in a save, wherever that is.
            if progress.exists() and progress.read_text().count("\n") > seen + 2:
                time.sleep(patience_s)
                os.kill(process.pid, signal.SIGKILL)
                kills += process.wait() == -signal.SIGKILL
        process.wait(patience_s + 60)
    assert kills > 0 and undisturbed.wait(120) == 0
    whole, killed = (load_file(tmp_path / f"{name}.safetensors") for name in ("whole", "killed"))
    assert all(torch.equal(whole[key], killed[key]) for key in whole)
    steps = [
        [row["step"] for row in read_json_lines(tmp_path / name / PROGRESS_FILE)]
        for name in ("whole", "killed")
    ]
    assert steps[0] == steps[1] == list(range(2, 61, 2))


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(tiny, material, tmp_path):
    runs = [
        train(replace(tiny, seed=seed), material, tmp_path / str(number))
        for number, seed in enumerate((0, 0, 1))
    ]
    assert torch.equal(weights_of(runs[0]), weights_of(runs[1]))
    assert not torch.equal(weights_of(runs[0]), weights_of(runs[2]))


def test_loss_falls_and_progress_is_written_as_json_lines(tiny, material, tmp_path):
    rows = []
    train(
        replace(tiny, clips=400),
        material,
        tmp_path,
        report_every=10,
        evaluate=lambda model: 0.5,
        evaluate_every=20,
        progress=rows.append,
    )
    written = [json.loads(line) for line in (tmp_path / PROGRESS_FILE).read_text().splitlines()]
    assert written == rows
    assert [row["step"] for row in rows] == [10, 20, 30, 40, 50]
    assert rows[-1]["loss"] < 0.6 * rows[0]["loss"]
    assert [row.get("held_out_accuracy") for row in rows] == [None, 0.5, None, 0.5, None]


def test_tensorboard_reads_the_scalars(tiny, material, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    rows = []
    train(tiny, material, tmp_path, report_every=4, stop_after=4)
    train(tiny, material, tmp_path, report_every=4, progress=rows.append)
    board = EventAccumulator(str(tmp_path / TENSORBOARD_FOLDER))
    board.Reload()
    assert {"loss", "accuracy", "learning_rate"} <= set(board.Tags()["scalars"])
    losses = board.Scalars("loss")
    assert [event.step for event in losses] == [4, 8]
    assert losses[-1].value == pytest.approx(rows[-1]["loss"], abs=1e-4)


def test_another_recipe_does_not_continue_a_run(tiny, material, tmp_path):
    train(tiny, material, tmp_path, stop_after=1)
    other = replace(tiny, optimizer=replace(tiny.optimizer, learning_rate=1e-3))
    with pytest.raises(TrainingError, match="holds a run of another recipe"):
        train(other, material, tmp_path)
    fresh = train(other, material, tmp_path, resume=False, stop_after=1)
    assert fresh.step == 1


def test_a_full_disk_is_one_sentence_and_keeps_the_last_state(
    tiny, material, tmp_path, monkeypatch
):
    train(tiny, material, tmp_path, stop_after=2)
    before = (tmp_path / STATE_FILE).read_bytes()

    def full(content, file):
        file.write(b"half a file")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(TrainingError, match=r"No space left.*is kept") as caught:
        train(tiny, material, tmp_path, stop_after=3)
    assert "\n" not in str(caught.value)
    assert (tmp_path / STATE_FILE).read_bytes() == before
    assert not list(tmp_path.glob(".state*"))


def test_a_diverging_run_says_so_and_keeps_the_last_state(tiny, material, tmp_path):
    train(tiny, material, tmp_path, stop_after=2)
    before = (tmp_path / STATE_FILE).read_bytes()

    class Broken(type(material)):
        def training(self, run):
            source = super().training(run)
            good = source.batch
            source.batch = lambda step: replace(good(step), clips=good(step).clips * float("nan"))
            return source

    with pytest.raises(TrainingError, match=r"step 2.*lower learning rate.*kept"):
        train(tiny, Broken(), tmp_path)
    assert (tmp_path / STATE_FILE).read_bytes() == before
