"""A student by name on a clip: mask, teacher and alignment as plain values for tables and files."""

import math
import os
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from analysis.masking.alignment import LayerAlignment, align, teacher_of
from analysis.masking.motion import motion_energy
from analysis.masking.strategies import draw_masks, find_strategy
from analysis.masking.teacher import Teacher, teacher_attention
from analysis.prediction import SampledClip, read_clip
from analysis.weights import LoadedModel, WeightsError
from analysis.weights.students import students_here, untrained_student


def default_student() -> str:
    """The name of the first student here, a shipped one. Raises WeightsError without any."""
    students = students_here()
    if not students:
        raise WeightsError(
            "There is no student of masked pretraining here; train one, which "
            "`python -m analysis recipes` lists."
        )
    return students[0].name


def alignment_report(
    student: LoadedModel, path: str | os.PathLike, strategy: str, ratio: float, seed: int
) -> dict[str, Any]:
    """How well a student says, under one mask of a clip, what its teacher saw.

    The clip is read as the student was trained: in its frames, resolution and scan order. A
    generator begins at `seed`. Values are those of `LayerAlignment`, with None for NaN, and
    what they depend on; all fit into JSON.

    Raises VideoError, WeightsError, and ValueError for a strategy or ratio that cannot be drawn.
    """
    find_strategy(strategy)
    sampled = read_clip(path, student)
    teacher = teacher_of(student.model)
    mask = clip_mask(teacher, sampled.clip, strategy, ratio, seed)
    before = untrained_student(student).model
    found = align(student.model, teacher, sampled.clip, mask, before)
    grid = teacher.grid
    return {
        **_setting(student, teacher, sampled),
        "strategy": strategy,
        "ratio": ratio,
        "real_ratio": float(found.mask.mean()),
        "visible": int((~found.mask).sum()),
        "seed": seed,
        "grid": [grid.t, grid.h, grid.w],
        "tubelet": teacher.num_frames // grid.t,
        "loss": found.loss,
        "layers": [_layer(layer) for layer in found.layers],
    }


def clip_mask(teacher: Teacher, clip: Tensor, strategy: str, ratio: float, seed: int) -> Tensor:
    """A mask of a clip (3, T, H, W) on its teacher's grid: bool (1 + t*h*w,), True = hidden.

    Raises ValueError as `draw_masks`.
    """
    reads = find_strategy(strategy).reads
    weights = None
    if reads == "attention":
        weights = teacher_attention(teacher, clip)
    elif reads == "motion":
        weights = motion_energy(clip, teacher.grid)
    generator = torch.Generator().manual_seed(seed)
    return draw_masks(strategy, teacher.grid, ratio, 1, generator, weights)[0]


def _setting(student: LoadedModel, teacher: Teacher, sampled: SampledClip) -> dict[str, Any]:
    return {
        "clip": sampled.name,
        "frame_indices": list(sampled.frame_indices),
        "student": student.card.name,
        "training": student.card.training,
        "data": student.card.data,
        "align_last": student.config.align_last,
        "num_frames": teacher.num_frames,
        "image_size": student.config.image_size,
        "scan_order": student.model.scan_order,
        "teacher": teacher.name,
        "teacher_training": teacher.training,
        "teacher_note": teacher.note,
    }


def _layer(layer: LayerAlignment) -> dict[str, Any]:
    values = asdict(layer)
    values["tokens"] = [_known(value) for value in layer.tokens.flatten().tolist()]
    values["by_frame"] = [_known(value) for value in layer.by_frame]
    values["chance"] = _known(layer.chance)
    return values


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
