"""The whole way to a shipped camera-move model: photographs, training, evaluation, checkpoint."""

import dataclasses
import hashlib
import json
import platform
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn

from analysis.training.camera.camera_moves import CameraMoves
from analysis.training.camera.clip_files import ClipFormat
from analysis.training.camera.evaluation import (
    FORMATS,
    predict_moves,
    score,
    score_files,
    score_footage,
    score_rendered,
)
from analysis.training.camera.photograph_store import PhotographStore
from analysis.training.camera.photographs import Photograph, split_photographs
from analysis.training.clip_feed import normalised
from analysis.training.recipe import Recipe
from analysis.training.trainer import TrainingState, train
from analysis.weights.shipped import ship_checkpoint

EVALUATION_FILE = "evaluation.json"


def train_camera(
    recipe: Recipe,
    photographs: Sequence[Photograph],
    folder: Path,
    *,
    resume: bool = True,
    progress: Callable[[dict], None] = lambda row: None,
) -> TrainingState:
    """Train `recipe` on the training part of `photographs`, reporting held-out accuracy.

    Saves state and progress in `folder` and returns the final state.
    """
    training, held_out = split_photographs(photographs, recipe.held_out_share)
    check = CameraMoves(PhotographStore.build(held_out))
    pixels, labels = check.batch(540, np.random.default_rng([recipe.seed, 0xC4EC]))
    inputs = normalised(pixels)

    def held_out_accuracy(model: nn.Module) -> float:
        answers = np.concatenate([predict_moves(model, part) for part in inputs.split(90)])
        return score(labels, answers).accuracy

    return train(
        recipe,
        CameraMoves(PhotographStore.build(training)),
        folder,
        resume=resume,
        evaluate=held_out_accuracy,
        progress=progress,
    )


def evaluate_camera(
    model: nn.Module,
    held_out: Sequence[Photograph],
    *,
    footage: Sequence[Path] = (),
    rendered_clips: int = 2250,
    clips_per_class: int = 6,
    formats: Sequence[ClipFormat] = FORMATS,
) -> dict:
    """Scores of `model` on photographs never trained on and on footage, ready for JSON.

    rendered: clips drawn by the training renderer at full difficulty.
    files: the same moves, drawn by Pillow, encoded in several forms and read back; and in total.
    footage: moving windows over each video of `footage` while it plays.
    Each has clips, accuracy in percent, accuracy by class and the confusion matrix.
    """
    moves = CameraMoves(PhotographStore.build(held_out))
    rendered = score_rendered(model, moves, clips=rendered_clips)
    files = score_files(model, moves, held_out, clips_per_class=clips_per_class, formats=formats)
    played = score_footage(model, footage, clips_per_class=clips_per_class)
    right = sum(round(s.accuracy * s.clips) for s in files.values())
    total = sum(s.clips for s in files.values())
    return {
        "rendered": rendered.as_dict(),
        "files": {
            "clips": total,
            "accuracy": round(100 * right / total, 2),
            "formats": {name: scores.as_dict() for name, scores in files.items()},
        },
        "footage": {name: scores.as_dict() for name, scores in played.items()},
    }


def ship_camera(
    tag: str,
    state: TrainingState,
    recipe: Recipe,
    photographs: Sequence[Photograph],
    evaluation: dict,
    command: str,
    checkpoints: Path,
) -> None:
    """Put the mean weights with their manifest entry into the folder `checkpoints`.

    They are called after the recipe's model and `tag`.
    """
    config = state.mean_model.config
    training, held_out = split_photographs(photographs, recipe.held_out_share)
    rendered, files = evaluation["rendered"], evaluation["files"]
    played = "".join(
        f"; {scores['accuracy']} % on {scores['clips']} moves over the footage {name}"
        for name, scores in evaluation["footage"].items()
    )
    entry = {
        "architecture": recipe.model,
        "tag": tag,
        "training": "toy",
        "data": f"camera moves rendered over {len(training)} photographs",
        "labels": "camera_moves",
        "num_frames": config.num_frames,
        "image_size": config.image_size,
        "scan_order": config.scan_order,
        "readout": config.readout,
        "licence": "MIT",
        "reported_accuracy": rendered["accuracy"],
        "accuracy_note": (
            f"top-1 of 9 camera moves on {rendered['clips']} rendered clips of {len(held_out)} "
            f"photographs never trained on; {files['accuracy']} % on {files['clips']} clips read "
            f"back from video files of six sizes, frame rates and lengths{played}"
        ),
        "note": "It names what the camera does; large things that move mislead it.",
        "run": {
            "command": command,
            "seed": recipe.seed,
            "recipe": dataclasses.asdict(recipe),
            "clips": state.step * recipe.batch_size,
            "photographs": {
                "training": len(training),
                "held_out": [photograph.name for photograph in held_out],
                "sha256": photographs_hash(photographs),
            },
            "wall_s": round(state.wall_s),
            "cpu_s": round(state.cpu_s),
            "cpu_cores": torch.get_num_threads(),
            "torch": torch.__version__,
            "python": platform.python_version(),
            "evaluation": evaluation,
        },
    }
    ship_checkpoint(state.mean_model.state_dict(), entry, checkpoints)


def photographs_hash(photographs: Sequence[Photograph]) -> str:
    """A hash of all names and pixels, to tell whether a run used the same photographs."""
    digest = hashlib.sha256()
    for photograph in photographs:
        digest.update(photograph.name.encode())
        digest.update(photograph.pixels.tobytes())
    return digest.hexdigest()


def write_evaluation(evaluation: dict, folder: Path) -> None:
    """Keep the scores in `folder` as evaluation.json."""
    text = json.dumps(evaluation, indent=2) + "\n"
    (folder / EVALUATION_FILE).write_text(text, encoding="utf-8")
