"""What changes during a run, and its safe keeping."""

import copy
import dataclasses
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from analysis.training.errors import TrainingError
from analysis.training.initial_model import initial_model
from analysis.training.optimizer import make_optimizer
from analysis.training.recipe import Recipe
from analysis.training.text_head import name_classes
from analysis.training.trained_part import trained_share

STATE_FILE = "state.pt"


@dataclass
class TrainingState:
    """Enough to go on exactly where a run stopped.

    `mean_model` holds the running mean of the weights, None in a recipe without one; `wall_s` and
    `cpu_s` add up over resumes.
    """

    model: nn.Module
    mean_model: nn.Module | None
    optimizer: torch.optim.Optimizer
    step: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0

    @property
    def result(self) -> nn.Module:
        """The model to keep: of mean weights where there are such."""
        return self.model if self.mean_model is None else self.mean_model


def start_state(
    recipe: Recipe, labels: Sequence[str], device: torch.device | None = None
) -> TrainingState:
    """A fresh state of a model for `labels`, class names that are empty where there are none."""
    options = recipe.objective.model_options(labels)
    model = initial_model(recipe.model, options, recipe.seed)
    name_classes(model, recipe.model.weights, labels)
    model = model.to(device or "cpu")
    keeps_mean = recipe.optimizer.mean_decay is not None
    mean_model = copy.deepcopy(model).requires_grad_(False).eval() if keeps_mean else None
    return TrainingState(model, mean_model, make_optimizer(model, recipe.optimizer))


def recipe_record(value: object) -> object:
    """A recipe as JSON would give it back, every part with its kind."""
    if dataclasses.is_dataclass(value):
        fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        inner = {name: recipe_record(part) for name, part in fields.items()}
        return {"kind": type(value).__name__, **inner}
    if isinstance(value, tuple):
        return [recipe_record(part) for part in value]
    return value


def is_record_of(record: object, value: object) -> bool:
    """Whether `record` was made by `recipe_record` of this recipe.

    A field that the program did not have then counts as its default, so that old runs stay valid.
    """
    if not dataclasses.is_dataclass(value):
        if isinstance(value, tuple):
            same_length = isinstance(record, list) and len(record) == len(value)
            return same_length and all(map(is_record_of, record, value))
        return record == value
    fields = {field.name: field for field in dataclasses.fields(value)}
    if not isinstance(record, dict) or set(record) - {*fields, "kind"}:
        return False
    return record.get("kind") == type(value).__name__ and all(
        is_record_of(record[name], getattr(value, name))
        if name in record
        else getattr(value, name) == _default(field)
        for name, field in fields.items()
    )


def _default(field: dataclasses.Field) -> object:
    made = field.default_factory is not dataclasses.MISSING
    return field.default_factory() if made else field.default


def save_state(state: TrainingState, recipe: Recipe, folder: Path) -> None:
    """Write the state to `folder`, replacing the last one in one step.

    Raises TrainingError when it cannot be written; the last one then stays.
    """
    content = {
        "recipe": recipe_record(recipe),
        "trained": trained_share(state.model).as_dict(),
        "model": state.model.state_dict(),
        "mean_model": state.mean_model and state.mean_model.state_dict(),
        "optimizer": state.optimizer.state_dict(),
        "step": state.step,
        "wall_s": state.wall_s,
        "cpu_s": state.cpu_s,
    }
    temporary = folder / f".{STATE_FILE}.{os.getpid()}"
    try:
        with temporary.open("wb") as file:
            torch.save(content, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, folder / STATE_FILE)
    except (OSError, RuntimeError) as error:
        temporary.unlink(missing_ok=True)
        raise TrainingError(
            f"Step {state.step} could not be saved in {folder} ({error}); the state saved before "
            "is kept: make room and start again to go on from it."
        ) from error


def load_state(state: TrainingState, recipe: Recipe, folder: Path) -> None:
    """Fill `state` from `folder`; raises TrainingError when it belongs to another recipe."""
    content = torch.load(folder / STATE_FILE, weights_only=True, map_location="cpu")
    if not is_record_of(content["recipe"], recipe):
        raise TrainingError(
            f"{folder} holds a run of another recipe: choose another folder, or start over "
            "without resuming."
        )
    state.model.load_state_dict(content["model"])
    if state.mean_model is not None:
        state.mean_model.load_state_dict(content["mean_model"])
    state.optimizer.load_state_dict(content["optimizer"])
    state.step = content["step"]
    state.wall_s, state.cpu_s = content["wall_s"], content["cpu_s"]
