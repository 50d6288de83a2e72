"""The training loop: resumable, and the same weights for the same recipe and photographs."""

import copy
import dataclasses
import json
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from analysis.models import create_model
from analysis.training.camera.camera_moves import CameraMoves
from analysis.training.clip_feed import normalised, training_batches
from analysis.training.recipe import Recipe, make_optimizer, spread_step_sizes

# A batch is worked on in this many parts at once: on two cores quicker than sharing every product.
PARTS = 2
STATE_FILE = "state.pt"
PROGRESS_FILE = "progress.jsonl"


class TrainingError(Exception):
    """A run that cannot start or go on; the message says why."""


@dataclass
class TrainingState:
    """What changes during a run: enough to go on exactly where it stopped.

    `mean_model` holds the running mean of the weights; `wall_s` and `cpu_s` add up over resumes.
    """

    model: nn.Module
    mean_model: nn.Module
    optimizer: torch.optim.Optimizer
    step: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0


def start_state(recipe: Recipe) -> TrainingState:
    """A fresh model, initialised from the recipe's seed without touching torch's own generator."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        model = create_model(recipe.model, scan_order=recipe.scan_order)
    if recipe.step_sizes is not None:
        generator = torch.Generator().manual_seed(recipe.seed)
        spread_step_sizes(model, recipe.step_sizes, generator)
    mean_model = copy.deepcopy(model).requires_grad_(False).eval()
    return TrainingState(model, mean_model, make_optimizer(model, recipe))


def train(
    recipe: Recipe,
    moves: CameraMoves,
    folder: Path,
    *,
    resume: bool = True,
    stop_after: int | None = None,
    save_every: int = 200,
    report_every: int = 50,
    evaluate: Callable[[nn.Module], float] | None = None,
    evaluate_every: int = 400,
    progress: Callable[[dict], None] = lambda row: None,
) -> TrainingState:
    """Train by `recipe` on clips from `moves`, keeping state and progress in `folder`.

    With `resume` a state saved there is continued; it must come from the same recipe, otherwise
    TrainingError is raised. `stop_after` ends the run early after that many steps in all (state is
    saved). `evaluate` gives the held-out accuracy of the mean weights (0 to 1) for the progress
    rows, which go to `progress` and to progress.jsonl: step, clips, loss, training accuracy,
    learning rate, difficulty, clips per second, wall seconds.
    """
    folder.mkdir(parents=True, exist_ok=True)
    state = start_state(recipe)
    if resume and (folder / STATE_FILE).exists():
        load_state(state, recipe, folder)
        _forget_later_rows(folder / PROGRESS_FILE, state.step)
    else:
        (folder / PROGRESS_FILE).unlink(missing_ok=True)
    last_step = recipe.steps if stop_after is None else min(stop_after, recipe.steps)
    clock = _Clock()
    window = _Window()
    with _one_thread_each() as pool:
        for pixels, labels in training_batches(moves, recipe, state.step):
            if state.step >= last_step:
                break
            window.add(*_step(state, recipe, pixels, labels, pool))
            state.step += 1
            evaluating = evaluate is not None and state.step % evaluate_every == 0
            if state.step % report_every == 0 or evaluating or state.step == recipe.steps:
                clock.read(state)
                row = window.row(state, recipe)
                if evaluating:
                    row["held_out_accuracy"] = round(evaluate(state.mean_model), 4)
                _append(folder / PROGRESS_FILE, row)
                progress(row)
            if state.step % save_every == 0:
                clock.read(state)
                save_state(state, recipe, folder)
    clock.read(state)
    save_state(state, recipe, folder)
    return state


def _step(
    state: TrainingState,
    recipe: Recipe,
    pixels: np.ndarray,
    labels: np.ndarray,
    pool: ThreadPoolExecutor,
) -> tuple[float, float]:
    """One update; returns loss and accuracy on the batch."""
    for group in state.optimizer.param_groups:
        group["lr"] = recipe.learning_rate_at(state.step)
    state.model.train()
    parts = [slice(part, None, PARTS) for part in range(PARTS)]
    results = pool.map(
        lambda part: _gradients(state.model, recipe, pixels[part], labels[part]), parts
    )
    # Added in a fixed order, so that sums do not depend on which part was faster.
    gradients, losses, hits = zip(*results, strict=True)
    for parameter, *shares in zip(state.model.parameters(), *gradients, strict=True):
        parameter.grad = sum(shares[1:], start=shares[0]) / len(labels)
    loss = sum(losses) / len(labels)
    if not np.isfinite(loss):
        raise TrainingError(
            f"The loss became {loss} at step {state.step}: use a lower learning rate than "
            f"{recipe.learning_rate}."
        )
    nn.utils.clip_grad_norm_(state.model.parameters(), recipe.gradient_norm)
    state.optimizer.step()
    # A short memory at first, so that the mean does not remember the initialisation.
    decay = min(recipe.ema_decay, (1 + state.step) / (10 + state.step))
    with torch.no_grad():
        means, weights = list(state.mean_model.parameters()), list(state.model.parameters())
        torch._foreach_lerp_(means, weights, 1.0 - decay)
    return loss, sum(hits) / len(labels)


def _gradients(
    model: nn.Module, recipe: Recipe, pixels: np.ndarray, labels: np.ndarray
) -> tuple[tuple[torch.Tensor, ...], float, int]:
    """Gradients of the summed loss of a part of the batch, that loss, and how many were right."""
    targets = torch.from_numpy(labels)
    logits = model(normalised(pixels))
    loss = F.cross_entropy(logits, targets, label_smoothing=recipe.label_smoothing, reduction="sum")
    gradients = torch.autograd.grad(loss, tuple(model.parameters()))
    return gradients, float(loss.detach()), int((logits.argmax(1) == targets).sum())


@contextmanager
def _one_thread_each():
    """Torch on one thread while parts of a batch share the cores, and as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(PARTS, thread_name_prefix="train") as pool:
            yield pool
    finally:
        torch.set_num_threads(before)


class _Clock:
    """Adds wall and processor time since the last reading to the state."""

    def __init__(self):
        self.wall, self.cpu = time.perf_counter(), time.process_time()

    def read(self, state: TrainingState) -> None:
        wall, cpu = time.perf_counter(), time.process_time()
        state.wall_s += wall - self.wall
        state.cpu_s += cpu - self.cpu
        self.wall, self.cpu = wall, cpu


class _Window:
    """Mean loss and accuracy since the last progress row."""

    def __init__(self):
        self.values: list[tuple[float, float]] = []
        self.last: tuple[int, float] | None = None

    def add(self, loss: float, accuracy: float) -> None:
        self.values.append((loss, accuracy))

    def row(self, state: TrainingState, recipe: Recipe) -> dict:
        loss, accuracy = np.mean(self.values, axis=0)
        steps = len(self.values)
        since = state.wall_s - (self.last[1] if self.last else 0.0)
        rate = steps * recipe.batch_size / since if self.last else None
        self.values, self.last = [], (state.step, state.wall_s)
        return {
            "step": state.step,
            "clips": state.step * recipe.batch_size,
            "loss": round(float(loss), 4),
            "accuracy": round(float(accuracy), 4),
            "learning_rate": round(recipe.learning_rate_at(state.step - 1), 7),
            "difficulty": round(recipe.difficulty_at(state.step - 1), 3),
            "clips_per_s": rate and round(rate, 1),
            "wall_s": round(state.wall_s, 1),
        }


def save_state(state: TrainingState, recipe: Recipe, folder: Path) -> None:
    """Write the state to `folder`, replacing the last one in one step."""
    content = {
        "recipe": json.loads(json.dumps(dataclasses.asdict(recipe))),
        "model": state.model.state_dict(),
        "mean_model": state.mean_model.state_dict(),
        "optimizer": state.optimizer.state_dict(),
        "step": state.step,
        "wall_s": state.wall_s,
        "cpu_s": state.cpu_s,
    }
    temporary = folder / f".{STATE_FILE}.{os.getpid()}"
    torch.save(content, temporary)
    os.replace(temporary, folder / STATE_FILE)


def load_state(state: TrainingState, recipe: Recipe, folder: Path) -> None:
    """Fill `state` from `folder`; raises TrainingError when it belongs to another recipe."""
    content = torch.load(folder / STATE_FILE, weights_only=True)
    if content["recipe"] != json.loads(json.dumps(dataclasses.asdict(recipe))):
        raise TrainingError(
            f"{folder} holds a run of another recipe: choose another folder, or start over "
            "without resuming."
        )
    state.model.load_state_dict(content["model"])
    state.mean_model.load_state_dict(content["mean_model"])
    state.optimizer.load_state_dict(content["optimizer"])
    state.step = content["step"]
    state.wall_s, state.cpu_s = content["wall_s"], content["cpu_s"]


def _forget_later_rows(path: Path, step: int) -> None:
    """Rows after the saved state will be written again."""
    if path.exists():
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if json.loads(line)["step"] <= step]
        path.write_text("".join(kept), encoding="utf-8")


def _append(path: Path, row: dict) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
