"""The picture model whose attention guides a mask and whose features a student is aligned with.

The published teacher is CLIP's ViT-B/16 (VideoMamba paper, section 3.4). Without such a file it is
the small tower trained here, which says so. Clips come normalised as the student gets them, with
ImageNet's mean and deviation, as the published pretraining feeds its teacher.
"""

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from analysis.layers.token_grid import TokenGrid
from analysis.models.clip_tower import ClipTargets, ClipTower, ClipTowerConfig
from analysis.weights import weights_card
from analysis.weights.clip import read_clip_file, shipped_clip_tower
from analysis.weights.loading import weights_hash

CLIP_VARIABLE = "SCANSCOPE_CLIP"
"""Environment variable with the path of a CLIP file to teach instead of the shipped tower."""

SHIPPED_TEACHER = "clip_mini.pictures"
_SHIPPED_TOWER = "clip_tower_mini"


@dataclass(frozen=True, eq=False)
class Teacher:
    """A tower that cuts clips of one length into the tokens of one grid.

    name: of the shipped weights or of the file.
    training: "toy", trained here on pictures of plain shapes, or "file", a CLIP that was given.
    grid, num_frames: what it was made for; `tower` has the parameters, in evaluation mode.
    note: what to know of it: how it was trained and what was changed to fit, in sentences.
    """

    name: str
    training: Literal["toy", "file"]
    grid: TokenGrid
    num_frames: int
    tower: ClipTower
    note: str


def find_teacher(
    grid: TokenGrid, num_frames: int | None, source: str | Path | None = None
) -> Teacher:
    """The teacher for clips of `num_frames` (None: an image) that a model cuts into `grid`.

    `source` is a file with CLIP's visual tower, alone or in a whole CLIP, by the names of OpenAI,
    open_clip or `transformers`, or `SHIPPED_TEACHER`. Without it, the file that SCANSCOPE_CLIP
    names, and without that the shipped tower. Whatever was trained with another number of tokens
    has its position table resized, and `note` says so. The latest ones are kept in memory.

    Raises WeightsError, one sentence, for files that cannot be read or do not fit.
    """
    path = _file(source)
    changed_ns = path.stat().st_mtime_ns if path and path.is_file() else 0
    return _teacher(grid, num_frames or 1, path, changed_ns)


def teacher_hash(source: str | Path | None = None) -> str:
    """SHA-256 of the file `find_teacher` would read, for keys of result caches.

    Raises WeightsError.
    """
    return weights_hash(weights_card(SHIPPED_TEACHER), _file(source))


def teacher_attention(teacher: Teacher, clip: Tensor) -> Tensor:
    """Attention (t, h*w) from CLS to the patches of every frame, mean over heads, last layer.

    `clip` (3, T, H, W) is what the student sees; frames are resized bicubically where the tower
    takes another size. The rest of each row's sum to 1 stays with CLS. Raises ValueError for a
    clip of another number of frames.
    """
    return _targets(teacher, clip, attention=True).attention[0]


def teacher_targets(teacher: Teacher, clip: Tensor, layers: int = 1, interval: int = 1) -> Tensor:
    """Aims (K, 1 + t*h*w, output_dim) of unit length of the last K layers, CLS first.

    Arguments as for `ClipTower.targets`, the clip as for `teacher_attention`. Raises ValueError.
    """
    return _targets(teacher, clip, layers=layers, interval=interval).targets[:, 0]


def _file(source: str | Path | None) -> Path | None:
    """None for the shipped tower."""
    given = source or os.environ.get(CLIP_VARIABLE, "").strip() or SHIPPED_TEACHER
    return None if given == SHIPPED_TEACHER else Path(given).expanduser()


@lru_cache(maxsize=4)
def _teacher(grid: TokenGrid, num_frames: int, path: Path | None, changed_ns: int) -> Teacher:
    """`changed_ns` is there so that a changed file is read again."""
    if path is None:
        name, training = SHIPPED_TEACHER, "toy"
        stored = shipped_clip_tower(SHIPPED_TEACHER, _SHIPPED_TOWER)
        origin = f"Toy-trained here on {weights_card(SHIPPED_TEACHER).data}."
    else:
        name, training = path.name, "file"
        stored = read_clip_file(path)
        origin = "A file given by whoever runs this."
    tower = stored.tower(grid, num_frames)
    note = " ".join([origin, *_changes(stored.config, grid, num_frames)])
    return Teacher(name, training, grid, num_frames, tower, note)


def _changes(trained: ClipTowerConfig, grid: TokenGrid, num_frames: int) -> list[str]:
    """What was changed for it to fit, a sentence each."""
    sentences, table, tubelet = [], trained.token_grid(1), num_frames // grid.t
    if (table.h, table.w) != (grid.h, grid.w):
        sentences.append(
            f"Its position table was resized from {table.h} x {table.w} to {grid.h} x {grid.w} "
            "tokens."
        )
    if tubelet > 1:
        sentences.append(f"Of every {tubelet} frames in a token it sees number {1 + tubelet // 2}.")
    return sentences


def _targets(teacher: Teacher, clip: Tensor, **options: Any) -> ClipTargets:
    if clip.ndim != 4 or clip.shape[1] != teacher.num_frames:
        raise ValueError(
            f"the teacher was made for clips (3, {teacher.num_frames}, H, W), got "
            f"{tuple(clip.shape)}"
        )
    with torch.inference_mode():
        return teacher.tower.targets(teacher.tower.resized(clip[None]), **options)
