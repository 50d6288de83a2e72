"""Learning, from the tokens a mask leaves, what a frozen teacher saw at them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from analysis.layers.visible_tokens import VisibleTokens
from analysis.models import list_models
from analysis.models.clip_tower import ClipTower
from analysis.models.videomamba_student import VideoMambaStudent
from analysis.ops.alignment_loss import ALIGNMENT_LOSSES, alignment_loss
from analysis.ops.token_mask import MASKS, token_mask
from analysis.training.errors import require
from analysis.training.objectives.frozen_teacher import FrozenTeacher, make_teacher
from analysis.training.source import Batch


@dataclass(frozen=True)
class MaskedAlignment:
    """Masked pretraining without labels (VideoMamba paper, section 3.4).

    teacher: a visual tower that `create_model` knows. It looks at the clips in the resolution and
        with the tubelets that give the student's token grid.
    teacher_weights: weights name or checkpoint file with its tensors, alone or in a whole CLIP;
        None for random ones from a fixed seed, for trials.
    mask, ratio: which tokens are hidden, one of `MASKS`, and their share.
    loss: "cosine" (2 - 2 cos, as published), "mse" or "smooth_l1", mean over visible tokens.
    layers: aligned, counted from the last (1 as published; the paper tries 2 and 6), every
        `layer_interval`-th of the student with every `teacher_interval`-th of the teacher.
    last_layer: what of the student's last layer is aligned, "published" or "normed"; see
        `analysis.models.videomamba_student.StudentConfig`.
    """

    teacher: str = "clip_tower_b16"
    teacher_weights: str | None = None
    mask: str = "attention"
    ratio: float = 0.8
    loss: str = "cosine"
    layers: int = 1
    layer_interval: int = 1
    teacher_interval: int = 1
    last_layer: str = "published"
    classifies = False
    note = "It says what its teacher sees at a token; it names no classes."
    scored = False
    whole_batch = False

    def __post_init__(self) -> None:
        towers = list_models("clip_tower")
        require(self.teacher in towers, "objective.teacher", self.teacher, " or ".join(towers))
        require(self.mask in MASKS, "objective.mask", self.mask, " or ".join(MASKS))
        require(0 <= self.ratio < 1, "objective.ratio", self.ratio, "at least 0 and below 1")
        losses = ALIGNMENT_LOSSES
        require(self.loss in losses, "objective.loss", self.loss, " or ".join(losses))
        for name in ("layers", "layer_interval", "teacher_interval"):
            require(getattr(self, name) >= 1, f"objective.{name}", getattr(self, name), "1 or more")
        known = self.last_layer in ("published", "normed")
        require(known, "objective.last_layer", self.last_layer, "published or normed")

    def model_options(self, labels: Sequence[str]) -> dict[str, object]:
        """Which of its layers the student aligns."""
        return {
            "align_layers": self.layers,
            "align_interval": self.layer_interval,
            "align_last": self.last_layer,
        }

    def prepare(self, batch: Batch, classes: int, generator: np.random.Generator) -> Batch:
        """The batch as it is."""
        return batch

    def module(self, model: nn.Module) -> nn.Module:
        """The student with its loss; the teacher is made here and stays as it is."""
        teacher = make_teacher(self.teacher, self.teacher_weights, model)
        return MaskedAlignmentLoss(
            model,
            teacher,
            self.mask,
            self.ratio,
            self.loss,
            self.teacher_interval,
        )


class MaskedAlignmentLoss(nn.Module):
    """A student with its loss; see `analysis.training.objectives`.

    Raises as `FrozenTeacher` does for a teacher that does not fit.
    """

    def __init__(
        self,
        model: VideoMambaStudent,
        teacher: ClipTower,
        mask: str = "attention",
        ratio: float = 0.8,
        loss: str = "cosine",
        teacher_interval: int = 1,
    ):
        super().__init__()
        self.model, self.mask, self.ratio, self.loss = model, mask, ratio, loss
        self.teacher = FrozenTeacher(teacher, model, teacher_interval)

    def forward(
        self, clips: Tensor, targets: Tensor | None, generator: torch.Generator
    ) -> tuple[Tensor, dict[str, float]]:
        """Loss summed over clips (B, C, T, H, W) or images (B, C, H, W); `targets` are not read.

        The generator draws the mask, and decides the loss as long as the student drops no paths.
        """
        images = clips.ndim == 4
        aims, attention = self.teacher.aims(
            clips[:, :, None] if images else clips, attention=self.mask == "attention"
        )
        grid, batch = self.model.token_grid, len(clips)
        mask = token_mask(
            self.mask, (grid.t, grid.h, grid.w), self.ratio, batch, generator, attention
        ).to(clips.device)
        visible = VisibleTokens(self.model.token_grid, mask)
        aims = torch.stack([visible.of(layer) for layer in aims])
        return batch * alignment_loss(self.model(clips, mask), aims, self.loss), {}
