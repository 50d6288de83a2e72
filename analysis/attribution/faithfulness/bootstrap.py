"""How sure a mean over clips is, by drawing the clips again."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Interval:
    """A mean with the interval its resampled means fall into; `clips` values went in."""

    mean: float
    low: float
    high: float
    clips: int


def bootstrap_interval(
    values: Sequence[float],
    generator: np.random.Generator,
    *,
    level: float = 0.95,
    resamples: int = 2000,
) -> Interval | None:
    """Percentile interval of the mean at a level; None where there is no value.

    One value gives an interval of no width, which says nothing about other clips.
    """
    values = np.asarray(values, np.float64)
    if not len(values):
        return None
    draws = generator.integers(len(values), size=(resamples, len(values)))
    means = values[draws].mean(1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(values.mean()), float(low), float(high), len(values))
