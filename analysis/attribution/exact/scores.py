"""One number for a contribution, which is a vector (analysis spec, section 3, "Scalars")."""

import torch
from torch import Tensor

SCORES: dict[str, str] = {
    "l2_norm": "length of the contribution",
    "l1_norm": "sum of its absolute entries",
    "signed_share": "its component along the output, as a share; shares and bias share sum to 1",
    "alti": "how much nearer to the output it brings, in L1 distance; shares that sum to 1",
    "logit_share": "its component along a direction in the residual stream",
}
"""Scores by name, with a phrase that says what each is."""

SIGNED_SCORES: frozenset[str] = frozenset({"signed_share", "logit_share"})


def scores(
    vectors: Tensor, total: Tensor, kind: str = "l2_norm", direction: Tensor | None = None
) -> Tensor:
    """A score per contribution: vectors (S, ..., W) of S sources to (S, ...).

    total: the output (..., W) they are parts of. direction: (..., W), for "logit_share" alone.
    ALTI (Ferrando et al. 2022) is max(0, ||o||_1 - ||o - c||_1), normalised over the sources.

    Raises ValueError for an unknown score and for a missing direction.
    """
    if kind == "l2_norm":
        return torch.linalg.vector_norm(vectors, dim=-1)
    if kind == "l1_norm":
        return vectors.abs().sum(-1)
    if kind == "signed_share":
        return (vectors * total).sum(-1) / _nonzero((total * total).sum(-1))
    if kind == "alti":
        near = (total.abs().sum(-1) - (total - vectors).abs().sum(-1)).clamp(min=0)
        return near / _nonzero(near.sum(0))
    if kind == "logit_share":
        if direction is None:
            raise ValueError("logit_share needs the direction of a class; give one")
        return (vectors * direction).sum(-1)
    raise ValueError(f"unknown score {kind!r}; choose {', '.join(SCORES)}")


def _nonzero(x: Tensor) -> Tensor:
    return torch.where(x == 0, torch.ones_like(x), x)
