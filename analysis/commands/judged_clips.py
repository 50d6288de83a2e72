"""The clips that attribution methods are judged on: camera moves, files, planted causes."""

import argparse
from pathlib import Path

from analysis.commands.kept_table import TableError
from analysis.commands.train import places_of, say

_RENDERED_AT_ONCE = 90
_DISCS_TRIED = 8


def clips_to_judge(options: argparse.Namespace, loaded) -> list[tuple[str, object]]:
    """Names and clips (3, T, H, W): of the files, or at least as many moves as are to be judged.

    Raises TableError for a model that does not name camera moves and no files; VideoError and
    TrainingError, one sentence, for files and photographs that can't be read.
    """
    return _file_clips(options, loaded) if options.files else _rendered_clips(options, loaded)


def clips_described(options: argparse.Namespace, loaded) -> list[str] | str:
    """Names of the files, or what is rendered."""
    if options.files:
        return [Path(file).name for file in options.files]
    return f"camera moves over photographs never trained on{_camera_moves(loaded.card).kind_words}"


def _rendered_clips(options: argparse.Namespace, loaded) -> list[tuple[str, object]]:
    """Held-out camera moves, in whole batches: more clips are the same ones and further ones."""
    from analysis.training.source import RunShape

    if loaded.card.labels != "camera_moves":
        raise TableError(
            f"{loaded.card.name} does not name camera moves, the only clips that are rendered "
            "here; name video files to judge on."
        )
    if options.clips < 1:
        raise TableError(f"At least one clip is judged on, got --clips {options.clips}.")
    material = _camera_moves(loaded.card).load(places_of(options), say)
    config = loaded.config
    shape = RunShape(0, 1, 1, config.num_frames, loaded.preprocessing.image_size)
    batches = -(-options.clips // _RENDERED_AT_ONCE)
    clips = []
    for batch in material.held_out(shape, batches * _RENDERED_AT_ONCE):
        moves = [material.labels[target] for target in batch.targets.tolist()]
        clips += zip(moves, batch.clips, strict=True)
    return clips


def _camera_moves(card):
    """As hard as those of the recipe of the weights' name; without one, as hard as they can be."""
    from analysis.training.camera.data import CameraMovesData
    from analysis.training.recipes import RECIPES

    data = RECIPES[card.name]().data if card.name in RECIPES else None
    return data if isinstance(data, CameraMovesData) else CameraMovesData()


def _file_clips(options: argparse.Namespace, loaded) -> list[tuple[str, object]]:
    from analysis.prediction import read_clip

    return [(Path(file).name, read_clip(file, loaded).clip) for file in options.files]


def planted_cause(model, clips, number: int, seed: int):
    """A disc of the next clip's picture that moves over the first frame of clip `number`.

    Of several discs it is the one that raises the probability of a class most.
    """
    import numpy as np

    from analysis.attribution.faithfulness.planted import random_planted_clip, strongest_cause

    generator = np.random.default_rng([seed, number])
    clip, texture = clips[number][1], clips[(number + 1) % len(clips)][1]
    frames = clip.shape[1]
    candidates = [
        random_planted_clip(clip[:, 0], texture[:, frames // 2], frames, generator)
        for _ in range(_DISCS_TRIED)
    ]
    return strongest_cause(model, candidates)
