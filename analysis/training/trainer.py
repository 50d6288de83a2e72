"""The training loop: resumable, and the same weights for the same recipe and data."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn

from analysis.models import model_config
from analysis.training.progress import PROGRESS_FILE, Clock, ProgressLog, Window
from analysis.training.recipe import Recipe
from analysis.training.source import Material, RunShape, batches_ahead
from analysis.training.state import (
    STATE_FILE,
    TrainingState,
    load_state,
    save_state,
    start_state,
)
from analysis.training.update import Updater


def run_shape(recipe: Recipe, material: Material, rank: int = 0, world: int = 1) -> RunShape:
    """What the data has to know about a run; raises RecipeError for a run without a length."""
    config = model_config(recipe.model.name, **recipe.model.overrides())
    return RunShape(
        seed=recipe.seed,
        batch_size=max(1, recipe.batch_size // world),
        steps=recipe.steps(material.clips_per_epoch),
        num_frames=config.num_frames,
        image_size=config.image_size,
        rank=rank,
        world=world,
    )


def train(
    recipe: Recipe,
    material: Material,
    folder: Path,
    *,
    resume: bool = True,
    stop_after: int | None = None,
    save_every: int = 200,
    report_every: int = 50,
    evaluate: Callable[[nn.Module], float] | None = None,
    evaluate_every: int = 400,
    progress: Callable[[dict], None] = lambda row: None,
    device: torch.device | None = None,
    rank: int = 0,
    world: int = 1,
) -> TrainingState:
    """Train by `recipe` on `material`, keeping state and progress in `folder`.

    With `resume` a state saved there is continued; it must come from the same recipe, otherwise
    TrainingError is raised. `stop_after` ends the run early after that many steps in all (state is
    saved). `evaluate` gives the held-out accuracy of the result so far (0 to 1) for the progress
    rows, which go to `progress`, progress.jsonl and TensorBoard: step, loss, training accuracy,
    learning rate, clips per second, wall seconds. Of several processes (`world`), number 0 writes.
    """
    shape = run_shape(recipe, material, rank, world)
    folder.mkdir(parents=True, exist_ok=True)
    state = start_state(recipe, material.labels, device)
    if resume and (folder / STATE_FILE).exists():
        load_state(state, recipe, folder)
    elif rank == 0:
        (folder / PROGRESS_FILE).unlink(missing_ok=True)
    updater = Updater(state, recipe, shape.steps, rank, world)
    last_step = shape.steps if stop_after is None else min(stop_after, shape.steps)
    clock, window = Clock(), Window()
    log = ProgressLog(folder, state.step) if rank == 0 else None

    def report() -> None:
        clock.read(state)
        row = window.row(state, world)
        if evaluate is not None and state.step % evaluate_every == 0:
            row["held_out_accuracy"] = round(evaluate(state.result), 4)
        log.write(row)
        progress(row)

    def save() -> None:
        if rank == 0:
            clock.read(state)
            save_state(state, recipe, folder)

    try:
        with updater.running():
            source = material.training(shape)
            for batch in batches_ahead(source, state.step, last_step):
                draws = np.random.default_rng([recipe.seed, state.step, rank, 0x0B1])
                batch = recipe.objective.prepare(batch, len(material.labels), draws)
                window.add(updater.update(batch))
                state.step += 1
                due = state.step % report_every == 0 or state.step == shape.steps
                if log and (due or (evaluate and state.step % evaluate_every == 0)):
                    report()
                if state.step % save_every == 0:
                    save()
        save()
    finally:
        if log:
            log.close()
    return state
