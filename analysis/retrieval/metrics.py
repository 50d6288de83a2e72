"""How far from the top the right answers stand."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

import numpy as np
from torch import Tensor

RECALL_AT = (1, 5, 10)


@dataclass(frozen=True)
class Recall:
    """How one direction of a retrieval went.

    queries, gallery: what was asked, and among how many answers.
    recall_percent: by depth of `RECALL_AT`, queries with a right answer that far up.
    chance_percent: the same for answers in random order.
    median_rank: of the best right answer, from 1.
    """

    queries: int
    gallery: int
    recall_percent: dict[int, float]
    chance_percent: dict[int, float]
    median_rank: float


def ranks(scores: Tensor, truths: Sequence[Sequence[int]]) -> np.ndarray:
    """Rank, from 1, of the best right answer of every query: int64 (N,).

    `scores` (N, M), higher is better; `truths` are the numbers of each query's right answers.
    Wrong answers with the same score stand before a right one, so that a model that tells nothing
    apart is given nothing. Raises ValueError for scores that are not finite and queries without
    a right answer.
    """
    table = scores.detach().double().cpu().numpy()
    if not np.isfinite(table).all():
        raise ValueError("the scores hold values that are not finite; use other weights")
    if not all(len(right) for right in truths):
        raise ValueError("a query has no right answer; leave it out")
    places = []
    for row, right in zip(table, truths, strict=True):
        wrong = np.ones(len(row), dtype=bool)
        wrong[list(right)] = False
        places.append(1 + int((row[wrong] >= row[list(right)].max()).sum()))
    return np.asarray(places, dtype=np.int64)


def recall(scores: Tensor, truths: Sequence[Sequence[int]]) -> Recall:
    """The figures of one direction; arguments and errors as for `ranks`."""
    places, gallery = ranks(scores, truths), scores.shape[1]
    return Recall(
        queries=len(places),
        gallery=gallery,
        recall_percent={k: 100.0 * float((places <= k).mean()) for k in RECALL_AT},
        chance_percent={
            k: round(100 * np.mean([_chance(gallery, len(one), k) for one in truths]).item(), 6)
            for k in RECALL_AT
        },
        median_rank=float(np.median(places)),
    )


def _chance(gallery: int, right: int, k: int) -> float:
    """Probability that the first `k` of a random order hold one of `right` answers."""
    return 1 - comb(gallery - right, k) / comb(gallery, k) if k < gallery else 1.0
