"""How far one answer is from another: divergence of probabilities and agreement of ranks."""

import math

import torch
from torch import Tensor


def jensen_shannon_bits(p: Tensor, q: Tensor) -> float:
    """Jensen-Shannon divergence of two probability vectors (classes,), in bits.

    Symmetric, 0 for equal answers and at most 1 for answers without a class in common. A class of
    probability 0 adds nothing on its own side (0 log 0 = 0), so zeros need no smoothing. (Lin,
    Divergence measures based on the Shannon entropy, 1991.)
    """
    p, q = p.double(), q.double()
    middle = (p + q) / 2
    bits = (_relative_entropy_bits(p, middle) + _relative_entropy_bits(q, middle)) / 2
    return min(max(bits.item(), 0.0), 1.0)


def rank_agreement(p: Tensor, q: Tensor) -> float:
    """Spearman correlation of two score vectors (classes,), -1 to 1.

    Equal scores share their mean rank. Two vectors without any ranking (all scores equal, or a
    single class) agree perfectly; one such vector against a ranked one agrees not at all: 0.
    """
    a, b = _centred_ranks(p.double()), _centred_ranks(q.double())
    scale = (a.square().sum() * b.square().sum()).sqrt()
    if scale == 0:
        return 1.0 if torch.equal(a, b) else 0.0
    return ((a * b).sum() / scale).clamp(-1, 1).item()


def _relative_entropy_bits(p: Tensor, q: Tensor) -> Tensor:
    return (torch.xlogy(p, p) - torch.xlogy(p, q)).sum() / math.log(2)


def _centred_ranks(scores: Tensor) -> Tensor:
    """Ranks about their mean; equal scores get the mean of the ranks they cover."""
    _, group, count = scores.unique(return_inverse=True, return_counts=True)
    mean_rank = count.cumsum(0).double() - (count - 1) / 2
    ranks = mean_rank[group]
    return ranks - ranks.mean()
