"""How well a student says, from the tokens a mask leaves, what its teacher saw at them."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from analysis.layers.token_grid import TokenGrid
from analysis.layers.visible_tokens import VisibleTokens
from analysis.masking.teacher import (
    CLIP_VARIABLE,
    SHIPPED_TEACHER,
    Teacher,
    find_teacher,
    teacher_targets,
)
from analysis.models.aligned_layers import aligned_layers
from analysis.models.videomamba_student import VideoMambaStudent
from analysis.ops.alignment_loss import alignment_loss
from analysis.weights import WeightsError


@dataclass(frozen=True, eq=False)
class LayerAlignment:
    """Cosines of one aligned layer of a student with its teacher's, -1 to 1.

    layer, teacher_layer: numbers from 0.
    tokens: (t, h, w), NaN where the mask hides. cls: of CLS, which is aligned too.
    by_frame: mean over the visible tokens of every frame of the grid, NaN where there are none.
    mean: over visible tokens and CLS, the published measure; its loss is 2 - 2 times this.
    chance: mean of every visible token with what the teacher saw at all the other visible ones,
        CLS apart; what a student reaches that says the same everywhere. NaN for a single token.
    untrained: `mean` of the student before training; None where none was given.
    """

    layer: int
    teacher_layer: int
    tokens: np.ndarray
    cls: float
    by_frame: tuple[float, ...]
    mean: float
    chance: float
    untrained: float | None = None


@dataclass(frozen=True, eq=False)
class Alignment:
    """A student beside its teacher on one clip under one mask.

    layers: ascending. loss: the published one, mean over layers of 2 - 2 cos. mask: (t, h, w),
    True = hidden.
    """

    layers: tuple[LayerAlignment, ...]
    loss: float
    mask: np.ndarray

    @property
    def last(self) -> LayerAlignment:
        """The layer that the published recipe aligns."""
        return self.layers[-1]


def align(
    student: VideoMambaStudent,
    teacher: Teacher,
    clip: Tensor,
    mask: Tensor,
    untrained: VideoMambaStudent | None = None,
    teacher_interval: int = 1,
) -> Alignment:
    """Compares a student in evaluation mode with its teacher, as its pretraining does.

    `clip` (3, T, H, W) is the student's input, `mask` bool (1 + t*h*w,), True = hidden;
    `untrained` is the student's shape with initial parameters (VideoMamba paper, section 3.4).

    Raises ValueError, one sentence, for a teacher, clip or mask that does not fit.
    """
    config, tower = student.config, teacher.tower.config
    if tower.output_dim != config.target_width or teacher.grid != student.token_grid:
        raise ValueError(
            f"the student aims at width {config.target_width} over {student.token_grid}, the "
            f"teacher has width {tower.output_dim} over {teacher.grid}; choose a teacher that fits"
        )
    targets = teacher_targets(teacher, clip, config.align_layers, teacher_interval)
    numbers = zip(
        aligned_layers(config.depth, config.align_layers, config.align_interval),
        aligned_layers(tower.layers, config.align_layers, teacher_interval),
        strict=True,
    )
    return compare(student, targets, clip, mask, tuple(numbers), untrained)


def compare(
    student: VideoMambaStudent,
    targets: Tensor,
    clip: Tensor,
    mask: Tensor,
    numbers: tuple[tuple[int, int], ...],
    untrained: VideoMambaStudent | None = None,
) -> Alignment:
    """As `align`, with a teacher's targets (K, 1 + t*h*w, C) of all tokens.

    `numbers` are those of the layers, student's and teacher's.
    """
    visible = VisibleTokens(student.token_grid, mask[None])
    aims = torch.stack([visible.of(layer[None])[0] for layer in targets])
    said = _said(student, clip, mask)
    cosines = _cosines(said, aims)
    before = None if untrained is None else _cosines(_said(untrained, clip, mask), aims).mean(1)
    layers = tuple(
        LayerAlignment(
            *numbers[index],
            *_on_grid(cosines[index], student.token_grid, mask),
            mean=float(cosines[index].mean()),
            chance=_chance(said[index, 1:], aims[index, 1:]),
            untrained=None if before is None else float(before[index]),
        )
        for index in range(len(targets))
    )
    hidden = mask[1:].view(student.token_grid.t, student.token_grid.h, student.token_grid.w)
    return Alignment(layers, float(alignment_loss(said, aims)), hidden.numpy())


def teacher_of(student: VideoMambaStudent) -> Teacher:
    """The shipped teacher where its width is what a student aims at, otherwise the given CLIP.

    Raises WeightsError as `find_teacher`, and when neither has that width.
    """
    grid, config = student.token_grid, student.config
    for source in (SHIPPED_TEACHER, None):
        teacher = find_teacher(grid, config.num_frames, source)
        if teacher.tower.config.output_dim == config.target_width:
            return teacher
    raise WeightsError(
        f"The student aims at a teacher of width {config.target_width}, which none here has; let "
        f"{CLIP_VARIABLE} name a CLIP file of that width."
    )


@torch.inference_mode()
def _said(student: VideoMambaStudent, clip: Tensor, mask: Tensor) -> Tensor:
    """What a student expects of visible tokens: (K, V, C) of unit length, CLS first."""
    batch = clip[None] if student.config.num_frames else clip[None, :, 0]
    return student(batch, mask[None])[:, 0]


def _cosines(said: Tensor, aims: Tensor) -> Tensor:
    return (said.double() * aims.double()).sum(-1)


def _on_grid(
    cosines: Tensor, grid: TokenGrid, mask: Tensor
) -> tuple[np.ndarray, float, tuple[float, ...]]:
    """The `tokens`, `cls` and `by_frame` of a layer from the cosines (V,) of what is visible."""
    whole = np.full(grid.length, np.nan)
    whole[~mask.numpy()] = cosines.numpy()
    tokens = whole[1:].reshape(grid.t, grid.h, grid.w)
    by_frame = tuple(
        float(seen.mean()) if seen.size else float("nan")
        for seen in (frame[~np.isnan(frame)] for frame in tokens)
    )
    return tokens, float(whole[0]), by_frame


def _chance(said: Tensor, aims: Tensor) -> float:
    """Mean cosine of every token with the others' targets; both (V, C)."""
    count = len(said)
    if count < 2:
        return float("nan")
    said, aims = said.double(), aims.double()
    all_pairs = said.sum(0) @ aims.sum(0)
    return float((all_pairs - (said * aims).sum()) / (count * (count - 1)))
