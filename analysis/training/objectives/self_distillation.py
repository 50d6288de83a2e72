"""Learning labels and, token by token, a smaller trained model's features."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from analysis.models.videomamba import VideoMamba
from analysis.training.errors import TrainingError, require
from analysis.training.mixing import Mixing
from analysis.training.objectives.classification import label_loss
from analysis.training.source import Batch
from analysis.weights import load_model


@dataclass(frozen=True)
class SelfDistillation:
    """Cross entropy + `weight` x the mean over all tokens of 2 - 2 cos(student, teacher).

    The paper calls it an L2 loss on final feature maps (section 3.3); the published code compares
    directions, CLS included, after a projection head on the student, and so does this.

    teacher: weights name or checkpoint file of a smaller trained model with the student's token
        grid.
    """

    teacher: str
    weight: float = 1.0
    label_smoothing: float = 0.1
    mixing: Mixing | None = None
    classifies = True
    scored = True
    whole_batch = False

    def __post_init__(self) -> None:
        require(self.weight >= 0, "objective.weight", self.weight, "0 or more")

    def model_options(self, labels: Sequence[str]) -> dict[str, object]:
        """One logit per class."""
        return {"num_classes": len(labels)}

    def prepare(self, batch: Batch, classes: int, generator: np.random.Generator) -> Batch:
        """The batch, its clips mixed with each other where asked for."""
        return self.mixing.apply(batch, classes, generator) if self.mixing else batch

    def module(self, model: nn.Module) -> nn.Module:
        """The student with its loss; the teacher is loaded here and stays as it is."""
        teacher = load_model(self.teacher).model
        return SelfDistillationLoss(model, teacher, self.weight, self.label_smoothing)


class SelfDistillationLoss(nn.Module):
    """A student with its loss; see `analysis.training.objectives`.

    Raises TrainingError, one sentence, for a teacher that does not fit the student.
    """

    def __init__(
        self, model: VideoMamba, teacher: VideoMamba, weight: float, label_smoothing: float = 0.1
    ):
        super().__init__()
        width, expected = model.config.distill_width, teacher.config.width
        if width != expected or teacher.token_grid != model.token_grid:
            raise TrainingError(
                f"The student projects to width {width} over {model.token_grid}, the teacher has "
                f"width {expected} over {teacher.token_grid}; choose a teacher that fits."
            )
        self.model, self.weight, self.label_smoothing = model, weight, label_smoothing
        # Outside the module tree, so that it is neither trained nor put into training mode.
        self._teacher = (teacher.eval().requires_grad_(False),)

    def forward(
        self, clips: Tensor, targets: Tensor, generator: torch.Generator | None = None
    ) -> tuple[Tensor, dict[str, float]]:
        """Summed loss; `distance` is its part from the teacher."""
        features = self.model.forward_features(clips)
        logits = self.model.head(self.model.readout(features))
        loss, sums = label_loss(logits, targets, self.label_smoothing)
        (teacher,) = self._teacher
        with torch.no_grad():
            aim = teacher.to(clips.device).distill_features(teacher.forward_features(clips))
        student = self.model.distill_features(features)
        distance = (2 - 2 * (student.float() * aim.float()).sum(-1)).mean(1).sum()
        return loss + self.weight * distance, {**sums, "distance": float(distance.detach())}
