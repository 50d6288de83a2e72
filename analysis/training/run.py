"""A recipe from its data to evaluated weights, in one folder."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from analysis.training.kept_files import read_json_lines, replace_text
from analysis.training.progress import PROGRESS_FILE
from analysis.training.recipe import Recipe
from analysis.training.scores import score_batches
from analysis.training.source import Material, RunShape
from analysis.training.state import TrainingState, is_record_of, recipe_record
from analysis.training.trainer import run_shape, train

EVALUATION_FILE = "evaluation.json"
CHECK_CLIPS = 270


@dataclass(frozen=True)
class FinishedRun:
    """The last state of a run and its scores.

    evaluation: as `Material.evaluate` gives it; curve: the progress rows with held-out accuracy.
    """

    recipe: Recipe
    material: Material
    state: TrainingState
    evaluation: dict
    curve: tuple[dict, ...]

    @property
    def device(self) -> str:
        """What it was trained on, in words."""
        device = next(self.state.model.parameters()).device
        if device.type == "cuda":
            return torch.cuda.get_device_name(device)
        return f"{torch.get_num_threads()} CPU cores"


def run_recipe(
    recipe: Recipe,
    material: Material,
    folder: Path,
    *,
    resume: bool = True,
    progress: Callable[[dict], None] = lambda row: None,
    device: torch.device | None = None,
    rank: int = 0,
    world: int = 1,
) -> FinishedRun | None:
    """Train and evaluate, going on where a run in `folder` stopped; None in all but process 0.

    Held-out accuracy stands in the progress rows now and then. Scores of a finished run are kept
    in evaluation.json and not computed again.
    """
    shape = run_shape(recipe, material, rank, world)
    eighth = max(1, shape.steps // 8)
    state = train(
        recipe,
        material,
        folder,
        resume=resume,
        save_every=min(200, eighth),
        evaluate=_check(recipe, material, shape) if rank == 0 else None,
        evaluate_every=min(400, eighth),
        progress=progress,
        device=device,
        rank=rank,
        world=world,
    )
    if rank > 0:
        return None
    evaluation = _evaluation(recipe, material, shape, state, folder)
    rows = read_json_lines(folder / PROGRESS_FILE)
    curve = tuple(row for row in rows if "held_out_accuracy" in row)
    return FinishedRun(recipe, material, state, evaluation, curve)


def _check(recipe: Recipe, material: Material, shape: RunShape):
    """A function giving a classifier's accuracy (0 to 1) on a few hundred clips never trained on;
    None for what has no classes."""
    if not recipe.objective.classifies:
        return None
    batches = list(material.held_out(shape, CHECK_CLIPS))
    return lambda model: score_batches(model, material.labels, batches).accuracy


def _evaluation(recipe, material, shape, state, folder) -> dict:
    path = folder / EVALUATION_FILE
    if path.exists():
        kept = json.loads(path.read_text(encoding="utf-8"))
        if kept["step"] == state.step and is_record_of(kept["recipe"], recipe):
            return kept["evaluation"]
    if recipe.objective.scored:
        evaluation = material.evaluate(state.result, shape)
    else:
        evaluation = _held_out_loss(recipe, material, shape, state)
    content = {"recipe": recipe_record(recipe), "step": state.step, "evaluation": evaluation}
    replace_text(path, json.dumps(content, indent=2) + "\n")
    return evaluation


def _held_out_loss(recipe, material, shape, state) -> dict:
    """The evaluation of a model without classes: its mean loss on clips never trained on."""
    module = recipe.objective.module(state.result).eval()
    device = next(state.result.parameters()).device
    total, clips = 0.0, 0
    with torch.inference_mode():
        for number, batch in enumerate(material.held_out(shape, 2 * CHECK_CLIPS)):
            generator = torch.Generator().manual_seed(number)
            batch = batch.to(device)
            loss, _ = module(batch.clips, batch.targets, generator)
            total, clips = total + float(loss), clips + len(batch)
    loss = round(total / clips, 5)
    note = f"mean {type(recipe.objective).__name__} loss {loss} on {clips} clips never trained on"
    return {"accuracy": None, "accuracy_note": note, "loss": loss, "clips": clips}
