"""Learning which text belongs to which picture."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch.nn.functional as F
from torch import Tensor, nn

from analysis.models.clip import Clip
from analysis.training.source import Batch


@dataclass(frozen=True)
class Contrastive:
    """Every picture of a batch against every text, both ways (CLIP, arXiv 2103.00020, Fig. 3).

    Pictures with the same text share it as their aim. What a batch is compared with is what one
    process works on at once: with several processes or an accumulated batch, its own part.
    """

    classifies = False
    scored = True
    whole_batch = True

    def model_options(self, labels: Sequence[str]) -> dict[str, object]:
        """None."""
        return {}

    def prepare(self, batch: Batch, classes: int, generator: np.random.Generator) -> Batch:
        """The batch as it is."""
        return batch

    def module(self, model: nn.Module) -> nn.Module:
        """The model with its loss."""
        return ContrastiveLoss(model)


class ContrastiveLoss(nn.Module):
    """A model of pictures and texts with its loss; see `analysis.training.objectives`."""

    def __init__(self, model: Clip):
        super().__init__()
        self.model = model

    def forward(
        self, pictures: Tensor, tokens: Tensor, generator: object = None
    ) -> tuple[Tensor, dict[str, float]]:
        """Loss summed over pictures (B, 3, H, W) with their texts' tokens (B, context_length).

        `right` counts pictures whose own text is ranked first.
        """
        logits = self.model(pictures, tokens)
        aims = (tokens[:, None] == tokens[None]).all(-1).to(logits.dtype)
        best = logits.detach().argmax(1, keepdim=True)
        right = aims.gather(1, best).sum().item()
        # The same for rows and columns: who shares a text shares it both ways.
        aims = aims / aims.sum(1, keepdim=True)
        both = F.cross_entropy(logits, aims, reduction="sum") + F.cross_entropy(
            logits.T, aims, reduction="sum"
        )
        return both / 2, {"right": right}
