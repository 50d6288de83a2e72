"""Learning several labels per clip."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from analysis.training.source import Batch


@dataclass(frozen=True)
class SeveralLabels:
    """Cross entropy with the classes that hold sharing the target between them.

    As words are learned from what is written beside pictures ("Exploring the limits of weakly
    supervised pretraining", arXiv 1805.00932, section 2.3): one softmax over all classes.
    """

    classifies = False
    scored = True
    whole_batch = False

    def model_options(self, labels: Sequence[str]) -> dict[str, object]:
        """One logit per class."""
        return {"num_classes": len(labels)}

    def prepare(self, batch: Batch, classes: int, generator: np.random.Generator) -> Batch:
        """The batch as it is."""
        return batch

    def module(self, model: nn.Module) -> nn.Module:
        """The model with its loss."""
        return SeveralLabelsLoss(model)


class SeveralLabelsLoss(nn.Module):
    """A classifier with its loss; see `analysis.training.objectives`."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(
        self, clips: Tensor, targets: Tensor, generator: torch.Generator | None = None
    ) -> tuple[Tensor, dict[str, float]]:
        """Summed cross entropy, targets (B, classes) being shares that sum to 1.

        `right` adds up how much of its target a clip's likeliest classes have, as many of them as
        hold.
        """
        logits = self.model(clips).float()
        loss = F.cross_entropy(logits, targets, reduction="sum")
        hold = (targets > 0).sum(1, keepdim=True)
        ranks = logits.argsort(1, descending=True).argsort(1)
        return loss, {"right": float((targets * (ranks < hold)).sum())}
