"""Learning a value per clip, such as the number of likes of a film scene (LVU)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from analysis.training.source import Batch


@dataclass(frozen=True)
class Regression:
    """Mean squared error of one output (VideoMamba paper, section 4.3, LVU)."""

    classifies = False
    scored = True
    whole_batch = False

    def model_options(self, labels: Sequence[str]) -> dict[str, object]:
        """A single value."""
        return {"num_classes": 1}

    def prepare(self, batch: Batch, classes: int, generator: np.random.Generator) -> Batch:
        """The batch as it is."""
        return batch

    def module(self, model: nn.Module) -> nn.Module:
        """The model with its loss."""
        return RegressionLoss(model)


class RegressionLoss(nn.Module):
    """A model of one value with its loss; see `analysis.training.objectives`."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(
        self, clips: Tensor, targets: Tensor, generator: torch.Generator | None = None
    ) -> tuple[Tensor, dict[str, float]]:
        """Summed squared error for targets (B, 1)."""
        return (self.model(clips).float() - targets).square().sum(), {}
