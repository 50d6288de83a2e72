"""Learning labels without forgetting what a frozen model says of the same clips."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from analysis.models.embedding_head import TextHead
from analysis.models.moma import Moma
from analysis.ops.adaptation_loss import DISTILLATIONS, adaptation_loss
from analysis.training.errors import TrainingError, require
from analysis.training.source import Batch


@dataclass(frozen=True)
class Adaptation:
    """Cross entropy + `weight` x distance from the frozen tower (MoMa, arXiv 2506.23283).

    That there are both is the paper's; form and weight of the second are ours.

    distill: one of `DISTILLATIONS`. "kl" compares answers among the classes, which a text head
        gives for the frozen tower too.
    """

    distill: str = "cosine"
    weight: float = 1.0
    classifies = True
    scored = True
    whole_batch = False

    def __post_init__(self) -> None:
        known = " or ".join(DISTILLATIONS)
        require(self.distill in DISTILLATIONS, "objective.distill", self.distill, known)
        require(self.weight >= 0, "objective.weight", self.weight, "0 or more")

    def model_options(self, labels: Sequence[str]) -> dict[str, object]:
        """One logit per class."""
        return {"num_classes": len(labels)}

    def prepare(self, batch: Batch, classes: int, generator: np.random.Generator) -> Batch:
        """The batch as it is."""
        return batch

    def module(self, model: nn.Module) -> nn.Module:
        """The model with its loss."""
        return AdaptationObjective(model, self.distill, self.weight)


class AdaptationObjective(nn.Module):
    """A MoMa with its loss; see `analysis.training.objectives`.

    The frozen tower that it is compared with is its own. Raises TrainingError, one sentence, for
    other models, a tower that is trained, and "kl" without a text head.
    """

    def __init__(self, model: Moma, distill: str, weight: float):
        super().__init__()
        if not isinstance(model, Moma):
            raise TrainingError(
                f"{type(model).__name__} has no frozen tower to stay close to; choose a MoMa or "
                "the objective Classification."
            )
        if any(p.requires_grad for p in model.tower.parameters()) and distill != "none":
            raise TrainingError(
                "A tower that is trained can't be its own teacher; set model.trained=own or "
                "objective.distill=none."
            )
        if distill == "kl" and not isinstance(model.head, TextHead):
            raise TrainingError(
                'The distillation "kl" compares answers of a text head; set '
                "model.switches=head=text or objective.distill=cosine."
            )
        self.model, self.distill, self.weight = model, distill, weight

    def forward(
        self, clips: Tensor, targets: Tensor, generator: torch.Generator | None = None
    ) -> tuple[Tensor, dict[str, float]]:
        """Summed loss; `right` counts clips answered right."""
        embeddings = self.model.encode_clips(clips)
        frozen = None if self.distill == "none" else self.model.encode_frozen(clips)
        loss = adaptation_loss(
            embeddings, frozen, targets, self.model.head, self.distill, self.weight
        )
        answers = self.model.head(embeddings.detach()).argmax(1)
        return len(clips) * loss, {"right": float((answers == targets).sum())}
