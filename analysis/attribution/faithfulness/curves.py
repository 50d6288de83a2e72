"""Deletion and insertion: the score while a clip is taken apart, or put together, by a ranking."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from analysis.attribution.faithfulness.removal import Removal
from analysis.attribution.method import AttributionError

CURVES: tuple[str, ...] = ("deletion", "insertion")


@dataclass(frozen=True, eq=False)
class Curve:
    """Scores (S,) at shares (S,) of the units removed (deletion) or put back (insertion)."""

    shares: np.ndarray
    scores: np.ndarray

    @property
    def auc(self) -> float | None:
        """Area under the curve by trapezoids, shares from 0 to 1; None while points are missing."""
        return self.auc_between(0.0, 1.0) if self.shares[-1] == 1.0 else None

    def auc_between(self, low: float, high: float) -> float:
        """Mean score between two shares, such as 0.1 and 0.9 of the perturbation tests of Mamba
        papers; linear between the points."""
        inside = self.shares[(self.shares > low) & (self.shares < high)]
        shares = np.array([low, *inside, high])
        scores = np.interp(shares, self.shares, self.scores)
        return float(np.trapezoid(scores, shares) / (high - low))


@dataclass(frozen=True, eq=False)
class PerturbationCurves:
    """One kind of curve under the ranking of a map, its reverse and random ones (their mean).

    kind: "deletion" (lower is better for `most_first`) or "insertion" (higher is better).
    score, baseline, units: as in the removal they were measured with.
    complete: False for those that are shown while more points are measured.
    """

    kind: str
    score: str
    baseline: str
    units: str
    most_first: Curve
    least_first: Curve
    random: Curve
    complete: bool

    @property
    def gap(self) -> float | None:
        """Area between the ranking and its reverse: how much the order matters, higher is better.

        The LeRF - MoRF area for deletion, its negative for insertion.
        """
        if not self.complete:
            return None
        gap = self.least_first.auc - self.most_first.auc
        return gap if self.kind == "deletion" else -gap


def ranking(values: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Units by falling value (U,); equal ones in random order, so that position tells nothing."""
    return np.lexsort((generator.random(len(values)), -np.asarray(values, np.float64)))


def perturbation_curves(
    removal: Removal,
    values: np.ndarray,
    *,
    kind: str = "deletion",
    steps: int = 32,
    random_rankings: int = 3,
    generator: np.random.Generator,
) -> Iterator[PerturbationCurves]:
    """Curves of a map (t, h, w), longer at each yield; the last one is complete.

    steps: points after the first (fewer where there are fewer units). random_rankings: how many
    random orders are averaged.

    With one baseline the insertion curve is the deletion curve of the reverse ranking read
    backwards, so that a second baseline, as blur, makes insertion worth its own measurement.

    Raises AttributionError for an unknown kind, and for no step or no random ranking.
    """
    if kind not in CURVES:
        raise AttributionError(f"There is no curve {kind!r}; choose {' or '.join(CURVES)}.")
    if steps < 1 or random_rankings < 1:
        raise AttributionError("A curve needs at least one step and one random ranking.")
    units = removal.units.count
    most = ranking(removal.units.sums(values), generator)
    orders = [most, most[::-1], *(generator.permutation(units) for _ in range(random_rankings))]
    counts = np.unique(np.linspace(0, units, min(steps, units) + 1).round().astype(int))
    # A batch holds one or more points of every ranking, so that all curves grow together.
    points = max(1, removal.batch_size // len(orders))
    measured = np.empty((len(orders), 0))
    for start in range(0, len(counts), points):
        part = counts[start : start + points]
        removed = np.concatenate([_removed(order, part, kind) for order in orders])
        measured = np.hstack([measured, removal.scores(removed).reshape(len(orders), -1)])
        shares = counts[: measured.shape[1]] / units
        yield PerturbationCurves(
            kind=kind,
            score=removal.score,
            baseline=removal.baseline,
            units=removal.units.name,
            most_first=Curve(shares, measured[0]),
            least_first=Curve(shares, measured[1]),
            random=Curve(shares, measured[2:].mean(0)),
            complete=len(shares) == len(counts),
        )


def measured_curves(removal: Removal, values: np.ndarray, **choices) -> PerturbationCurves:
    """The complete curves of `perturbation_curves`."""
    return deque(perturbation_curves(removal, values, **choices), maxlen=1).pop()


def _removed(order: np.ndarray, counts: np.ndarray, kind: str) -> np.ndarray:
    """Units that are gone once so many are removed, or put back, in an order: bool (S, U)."""
    place = np.empty(len(order), int)
    place[order] = np.arange(len(order))
    reached = place[None] < counts[:, None]
    return reached if kind == "deletion" else ~reached
