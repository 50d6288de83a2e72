"""A mean over draws of a mask with how sure it is."""

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Interval:
    """The mean of `draws` values and the ends of its 95 % interval; a single value has none."""

    mean: float
    low: float | None
    high: float | None
    draws: int


def mean_interval(
    values: Iterable[float | None], within: tuple[float, float] | None = None
) -> Interval | None:
    """The mean of values drawn independently, its interval after Student's t.

    The ends are cut to `within`, what such a value can be. Draws without a value (None) are left
    out and not counted; None where no draw has one.
    """
    drawn = np.array([value for value in values if value is not None], np.float64)
    if not len(drawn):
        return None
    mean, draws = float(drawn.mean()), len(drawn)
    if draws == 1:
        return Interval(mean, None, None, 1)
    from scipy.special import stdtrit  # slow to load

    half = float(stdtrit(draws - 1, 0.5 + CONFIDENCE / 2) * drawn.std(ddof=1) / draws**0.5)
    least, most = within or (-np.inf, np.inf)
    return Interval(mean, max(least, mean - half), min(most, mean + half), draws)


def share_interval(flags: Iterable[bool]) -> Interval:
    """The share of draws for which something holds, with Wilson's score interval."""
    held = list(flags)
    draws, share = len(held), sum(held) / len(held)
    z = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2)
    widened = 1 + z**2 / draws
    middle = (share + z**2 / (2 * draws)) / widened
    half = z * (share * (1 - share) / draws + (z / (2 * draws)) ** 2) ** 0.5 / widened
    return Interval(share, middle - half, middle + half, draws)
