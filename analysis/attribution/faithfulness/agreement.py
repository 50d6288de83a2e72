"""Do methods say the same? Rank correlation and shared top units of maps of one clip."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata


@dataclass(frozen=True, eq=False)
class Agreement:
    """Maps compared in pairs.

    methods: (M,) names. spearman: (M, M), -1..1; a map without any variation agrees with none, 0.
    overlap: (M, M), share of the `top` highest units that two maps have in common, 0..1.
    """

    methods: tuple[str, ...]
    spearman: np.ndarray
    overlap: np.ndarray
    top: int


def agreement(maps: Mapping[str, np.ndarray], top_share: float = 0.1) -> Agreement:
    """Agreement of maps (t, h, w) by name; `top_share` of the units count as the top."""
    names = tuple(maps)
    values = [np.asarray(maps[name], np.float64).ravel() for name in names]
    top = max(1, round(top_share * len(values[0])))
    tops = [set(np.argsort(-x, kind="stable")[:top].tolist()) for x in values]
    spearman = np.array([[rank_correlation(a, b) for b in values] for a in values])
    overlap = np.array([[len(a & b) / top for b in tops] for a in tops])
    return Agreement(names, spearman, overlap, top)


def rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman's correlation of two maps; 0 where one of them does not vary."""
    ranks = [rankdata(np.ravel(x)) for x in (a, b)]
    centred = [x - x.mean() for x in ranks]
    spread = np.prod([np.linalg.norm(x) for x in centred])
    return float(centred[0] @ centred[1] / spread) if spread > 0 else 0.0
