"""A finished run as weights that the app and the command line know by name."""

import platform
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from analysis.models import model_family
from analysis.training.recipe import Recipe
from analysis.training.run import FinishedRun
from analysis.training.state import recipe_record
from analysis.training.trained_part import trained_share
from analysis.weights.shipped import ship_checkpoint

_MANIFEST_FACTS = ("data", "note", "licence", "word_pieces", "preprocessing")
# What an entry says by itself, and what matters in training only.
_SAID_APART = ("num_frames", "image_size", "scan_order", "drop_path_rate")


def ship(name: str, finished: FinishedRun, command: str, folder: Path) -> None:
    """Put the weights with their entry into `folder`; `name` is architecture, a point and a tag."""
    recipe, state, evaluation = finished.recipe, finished.state, finished.evaluation
    config = state.result.config
    labels = finished.material.label_order if getattr(config, "num_classes", None) else None
    facts = finished.material.facts()
    entry = {
        "architecture": recipe.model.name,
        "family": model_family(recipe.model.name),
        "tag": name.partition(".")[2],
        "training": "toy",
        "data": facts["data"],
        "labels": labels,
        "overrides": _overrides(recipe, config),
        "num_frames": config.num_frames,
        "image_size": config.image_size,
        "scan_order": getattr(config, "scan_order", None),
        "readout": getattr(config, "readout", None),
        "licence": facts.get("licence", "MIT"),
        "reported_accuracy": evaluation["accuracy"],
        "accuracy_note": evaluation["accuracy_note"],
        **{key: facts[key] for key in ("word_pieces", "preprocessing") if key in facts},
        "note": getattr(recipe.objective, "note", facts.get("note", "")),
        "run": {
            "command": command,
            "seed": recipe.seed,
            "recipe": recipe_record(recipe),
            "trained": trained_share(state.model).as_dict(),
            "steps": state.step,
            "clips": state.step * recipe.batch_size,
            **{key: value for key, value in facts.items() if key not in _MANIFEST_FACTS},
            "wall_s": round(state.wall_s),
            "cpu_s": round(state.cpu_s),
            "device": finished.device,
            "torch": torch.__version__,
            "python": platform.python_version(),
            "evaluation": evaluation,
            "curve": list(finished.curve),
        },
    }
    ship_checkpoint(_each_once(state.result.state_dict()), entry, folder)


def _each_once(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors by the first of their names; loaders know which names share one."""
    seen: set[int] = set()
    return {
        name: value
        for name, value in state.items()
        if not (value.data_ptr() in seen or seen.add(value.data_ptr()))
    }


def _overrides(recipe: Recipe, config: Any) -> dict[str, Any]:
    """What objective and recipe made of the model, as `create_model` has to be told again."""
    asked = (*recipe.objective.model_options(()), *recipe.model.overrides())
    return {name: getattr(config, name) for name in asked if name not in _SAID_APART}
