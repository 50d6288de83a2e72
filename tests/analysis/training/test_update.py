"""One update: the same gradients however the batch is worked on."""

import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from analysis.training.recipe import Execution
from analysis.training.state import start_state
from analysis.training.trainer import run_shape
from analysis.training.update import Updater

HERE = Path(__file__).parent


def updated(recipe, material, **execution):
    """Parameters after one update, and the gradients that led there."""
    recipe = replace(recipe, execution=Execution(**execution))
    state = start_state(recipe, material.labels)
    batch = material.training(run_shape(recipe, material)).batch(0)
    updater = Updater(state, recipe, steps=8, rank=0, world=1)
    with updater.running():
        tally = updater.update(batch)
    return tally, [p.grad.clone() for p in state.model.parameters()]


@pytest.mark.parametrize(
    "execution",
    [{"accumulate": 3}, {"accumulate": 8}, {"checkpoint_layers": True}],
    ids=["three parts", "a clip at a time", "layers recomputed"],
)
def test_gradients_are_those_of_the_whole_batch(tiny, material, execution):
    tally, expected = updated(tiny, material)
    other, gradients = updated(tiny, material, **execution)
    assert other.mean("loss") == pytest.approx(tally.mean("loss"), rel=1e-6)
    assert other.sums["right"] == tally.sums["right"]
    for gradient, reference in zip(gradients, expected, strict=True):
        torch.testing.assert_close(gradient, reference, rtol=1e-4, atol=1e-7)


def test_bfloat16_is_close_to_float32(tiny, material):
    tally, _ = updated(tiny, material)
    half, gradients = updated(tiny, material, precision="bfloat16")
    assert half.mean("loss") == pytest.approx(tally.mean("loss"), rel=0.02)
    assert all(gradient.dtype == torch.float32 for gradient in gradients)


def test_drop_path_draws_anew_at_every_step_and_leaves_torch_alone(tiny, material):
    recipe = replace(tiny, model=replace(tiny.model, drop_path_rate=0.9))
    state = start_state(recipe, material.labels)
    batch = material.training(run_shape(recipe, material)).batch(0)
    updater = Updater(state, recipe, steps=8, rank=0, world=1)
    assert not updater.shares_cores
    before = torch.random.get_rng_state()
    losses = set()
    for group in state.optimizer.param_groups:
        group["lr_scale"] = 0.0
    for state.step in range(4):
        losses.add(updater.update(batch).mean("loss"))
    assert len(losses) > 1
    assert torch.equal(torch.random.get_rng_state(), before)


DISTRIBUTED_RUN = """
    import sys
    from pathlib import Path
    from safetensors.torch import save_file
    sys.path[:0] = [{here!r}, "."]
    from conftest import TINY, NoiseMaterial
    from analysis.training.trainer import train
    from analysis.training.update import process_group

    with process_group() as (rank, world):
        assert world == 2
        state = train(TINY, NoiseMaterial(), Path({folder!r}), stop_after=3, rank=rank, world=world)
        save_file(state.model.state_dict(), {folder!r} + f"/{{rank}}.safetensors")
"""


@pytest.mark.thorough
def test_two_processes_learn_from_both_their_batches(tiny, material, tmp_path):
    script = tmp_path / "run.py"
    script.write_text(textwrap.dedent(DISTRIBUTED_RUN.format(here=str(HERE), folder=str(tmp_path))))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    ended = subprocess.run(
        [*command, str(script)], capture_output=True, text=True, timeout=200, cwd=HERE.parents[2]
    )
    assert ended.returncode == 0, ended.stderr
    first, second = (load_file(tmp_path / f"{rank}.safetensors") for rank in range(2))
    assert all(torch.equal(first[key], second[key]) for key in first)
    # The same steps by hand: the batches of both processes as one.
    state = start_state(tiny, material.labels)
    updater = Updater(state, replace(tiny, execution=Execution(accumulate=1)), 8, 0, 1)
    sources = [material.training(run_shape(tiny, material, rank, 2)) for rank in range(2)]
    for step in range(3):
        parts = [source.batch(step) for source in sources]
        clips, targets = (torch.cat(list(pair)) for pair in zip(*map(vars_of, parts), strict=True))
        updater.update(replace(parts[0], clips=clips, targets=targets))
        state.step += 1
    for key, value in state.model.state_dict().items():
        torch.testing.assert_close(first[key], value, rtol=1e-3, atol=1e-5)


def vars_of(batch):
    return batch.clips, batch.targets
