"""A finished run as weights that the app and the command line know by name."""

import platform
from pathlib import Path

import torch

from analysis.models import model_family
from analysis.training.run import FinishedRun
from analysis.training.state import recipe_record
from analysis.weights.shipped import ship_checkpoint

_MANIFEST_FACTS = ("data", "note", "licence")


def ship(name: str, finished: FinishedRun, command: str, folder: Path) -> None:
    """Put the weights with their entry into `folder`; `name` is architecture, a point and a tag."""
    recipe, state, evaluation = finished.recipe, finished.state, finished.evaluation
    config = state.result.config
    classes = getattr(config, "num_classes", None)
    facts = finished.material.facts()
    entry = {
        "architecture": recipe.model.name,
        "family": model_family(recipe.model.name),
        "tag": name.partition(".")[2],
        "training": "toy",
        "data": facts["data"],
        "labels": finished.material.label_order if classes else None,
        "overrides": {"num_classes": classes} if classes else {},
        "num_frames": config.num_frames,
        "image_size": config.image_size,
        "scan_order": getattr(config, "scan_order", None),
        "readout": getattr(config, "readout", None),
        "licence": facts.get("licence", "MIT"),
        "reported_accuracy": evaluation["accuracy"],
        "accuracy_note": evaluation["accuracy_note"],
        "note": getattr(recipe.objective, "note", facts.get("note", "")),
        "run": {
            "command": command,
            "seed": recipe.seed,
            "recipe": recipe_record(recipe),
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
    ship_checkpoint(state.result.state_dict(), entry, folder)
