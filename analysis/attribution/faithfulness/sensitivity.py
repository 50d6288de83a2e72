"""Sensitivity-n: does a map predict what random sets of units are worth together?"""

from dataclasses import dataclass

import numpy as np

from analysis.attribution.faithfulness.removal import Removal
from analysis.attribution.method import AttributionError

LARGEST_SHARE = 0.8


@dataclass(frozen=True, eq=False)
class SubsetDrops:
    """Random sets of units and what the score loses without them; the same for every map.

    sizes: (S,) units in a set. removed: bool (S, P, U). drops: float64 (S, P).
    """

    sizes: np.ndarray
    removed: np.ndarray
    drops: np.ndarray


@dataclass(frozen=True, eq=False)
class SensitivityN:
    """Correlation (S,) between a map's sum over a set and the score's loss, by set size (S,).

    1 is perfect, as a linear model's own terms are. 0 stands where either side does not vary, as
    then nothing was predicted.
    """

    sizes: np.ndarray
    correlations: np.ndarray

    @property
    def mean(self) -> float:
        """Mean over the set sizes."""
        return float(self.correlations.mean())


def subset_sizes(units: int, count: int = 8) -> np.ndarray:
    """Sizes from 1 to 80 % of the units, evenly on a log scale, without repeats."""
    largest = max(1, int(LARGEST_SHARE * units))
    return np.unique(np.geomspace(1, largest, count).round().astype(int))


def subset_drops(
    removal: Removal,
    *,
    sizes: np.ndarray | None = None,
    subsets: int = 32,
    generator: np.random.Generator,
) -> SubsetDrops:
    """Measures `subsets` random sets of every size (by default those of `subset_sizes`).

    Raises AttributionError where fewer than two sets, or a size that does not exist, are asked.
    """
    units = removal.units.count
    sizes = subset_sizes(units) if sizes is None else np.asarray(sizes, int)
    if subsets < 2 or sizes.min() < 1 or sizes.max() > units:
        raise AttributionError(
            f"A correlation needs two sets or more, of 1 to {units} units; got {subsets} sets of "
            f"{', '.join(map(str, sizes))}."
        )
    draws = generator.random((len(sizes), subsets, units)).argsort(-1).argsort(-1)
    removed = draws < sizes[:, None, None]
    drops = removal.drops(removed.reshape(-1, units)).reshape(len(sizes), subsets)
    return SubsetDrops(sizes, removed, drops)


def sensitivity_n(measured: SubsetDrops, unit_values: np.ndarray) -> SensitivityN:
    """How well unit values (U,) predict measured drops, by size of the set (arXiv 1711.06104)."""
    sums = measured.removed @ np.asarray(unit_values, np.float64)
    pairs = zip(sums, measured.drops, strict=True)
    return SensitivityN(measured.sizes, np.array([_pearson(a, b) for a, b in pairs]))


def _pearson(a: np.ndarray, b: np.ndarray) -> float:
    # Rounding of equal values must not pass for variation.
    if any(np.ptp(x) <= 1e-9 * np.abs(x).max() for x in (a, b)):
        return 0.0
    a, b = a - a.mean(), b - b.mean()
    return float(np.clip(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)), -1, 1))
