"""Learning classes without forgetting: classification, and closeness to a frozen model.

MoMa (arXiv 2506.23283) is trained with both; weight and form of the second are not published and
chosen here.
"""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor

DISTILLATIONS = ("cosine", "kl", "none")


def adaptation_loss(
    embeddings: Tensor,
    frozen: Tensor | None,
    labels: Tensor,
    classify: Callable[[Tensor], Tensor],
    distill: str = "cosine",
    weight: float = 1.0,
) -> Tensor:
    """Mean cross-entropy of the classes, and `weight` times the distillation loss.

    embeddings, frozen: (B, C) as for `distillation_loss`; `frozen` may be None with "none". labels:
    class numbers (B,). classify: logits (B, classes) of embeddings. Raises ValueError as
    `distillation_loss` does.
    """
    logits = classify(embeddings)
    loss = F.cross_entropy(logits.float(), labels)
    if distill == "none":
        return loss
    return loss + weight * distillation_loss(embeddings, frozen, distill, classify)


def distillation_loss(
    embeddings: Tensor,
    frozen: Tensor,
    distill: str = "cosine",
    classify: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """How far directions (B, C) of unit length are from those of the frozen model, batch mean.

    "cosine" is 1 - cos. "kl" is the Kullback-Leibler divergence of the classes that `classify`
    finds in `embeddings` from those it finds in `frozen`; to keep what CLIP knows, it should be
    CLIP's own reading of texts at CLIP's temperature. No gradient reaches `frozen`.

    Raises ValueError for an unknown kind, and for "kl" without `classify`.
    """
    if distill not in DISTILLATIONS[:2] or (distill == "kl" and classify is None):
        raise ValueError(
            f'unknown distillation {distill!r}; choose "cosine", or "kl" with a classifier'
        )
    frozen = frozen.detach()
    if distill == "cosine":
        return (1 - (embeddings.float() * frozen.float()).sum(-1)).mean()
    student, teacher = (F.log_softmax(classify(x).float(), dim=-1) for x in (embeddings, frozen))
    return F.kl_div(student, teacher.detach(), reduction="batchmean", log_target=True)
