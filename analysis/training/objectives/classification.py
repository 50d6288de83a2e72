"""Learning class labels."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from analysis.training.errors import require
from analysis.training.mixing import Mixing
from analysis.training.source import Batch


@dataclass(frozen=True)
class Classification:
    """Cross entropy with smoothed labels, and clips mixed where `mixing` is given.

    label_smoothing: share of the target spread over all classes; `mixing` brings its own.
    """

    label_smoothing: float = 0.1
    mixing: Mixing | None = None
    classifies = True
    scored = True
    whole_batch = False

    def __post_init__(self) -> None:
        share = self.label_smoothing
        require(0 <= share < 1, "objective.label_smoothing", share, "at least 0 and below 1")

    def model_options(self, labels: Sequence[str]) -> dict[str, object]:
        """One logit per class."""
        return {"num_classes": len(labels)}

    def prepare(self, batch: Batch, classes: int, generator: np.random.Generator) -> Batch:
        """The batch, its clips mixed with each other where asked for."""
        return self.mixing.apply(batch, classes, generator) if self.mixing else batch

    def module(self, model: nn.Module) -> nn.Module:
        """The model with its loss."""
        return ClassificationLoss(model, self.label_smoothing)


class ClassificationLoss(nn.Module):
    """A classifier with its loss; see `analysis.training.objectives`."""

    def __init__(self, model: nn.Module, label_smoothing: float):
        super().__init__()
        self.model, self.label_smoothing = model, label_smoothing

    def forward(
        self, clips: Tensor, targets: Tensor, generator: torch.Generator | None = None
    ) -> tuple[Tensor, dict[str, float]]:
        """Summed cross entropy, and how many answers name the (heaviest) class of the target."""
        return label_loss(self.model(clips), targets, self.label_smoothing)


def label_loss(
    logits: Tensor, targets: Tensor, label_smoothing: float
) -> tuple[Tensor, dict[str, float]]:
    """Cross entropy summed over clips, and the number of right answers.

    Soft targets (B, classes) come smoothed already.
    """
    soft = targets.ndim == 2
    smoothing = 0.0 if soft else label_smoothing
    loss = F.cross_entropy(logits, targets, label_smoothing=smoothing, reduction="sum")
    classes = targets.argmax(1) if soft else targets
    return loss, {"right": float((logits.argmax(1) == classes).sum())}
