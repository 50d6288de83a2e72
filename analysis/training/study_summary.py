"""What the rows of a study say together: means over seeds, how far seeds differ, who leads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:  # Every recipe comes with it; the page opens without.
    from analysis.training.studies import StudyRow, StudyTable

_SEED = "seed"


@dataclass(frozen=True)
class SettingSummary:
    """All runs of one setting.

    settings: without the seed. accuracies: top-1 in percent, one per run, in the order of `rows`.
    """

    settings: dict[str, str | int | float]
    rows: tuple[StudyRow, ...]

    @property
    def accuracies(self) -> tuple[float, ...]:
        """One per run."""
        return tuple(row.accuracy for row in self.rows)

    @property
    def mean(self) -> float:
        """Mean accuracy in percent."""
        return float(np.mean(self.accuracies))

    @property
    def spread(self) -> float | None:
        """Largest less smallest accuracy, in points; None for a single run."""
        return max(self.accuracies) - min(self.accuracies) if len(self.rows) > 1 else None

    @property
    def accuracy_by_class(self) -> dict[str, float]:
        """Means in percent over the runs that counted by class; empty where none did."""
        counted = [row.accuracy_by_class for row in self.rows if row.accuracy_by_class]
        if not counted:
            return {}
        return {label: float(np.mean([each[label] for each in counted])) for label in counted[0]}

    @property
    def wall_s(self) -> float:
        """Mean training time."""
        return float(np.mean([row.wall_s for row in self.rows]))

    def measure(self, name: str) -> float | None:
        """Mean of a field of `AdaptationMeasures`; None where a run does not have it."""
        values = [row.measures and getattr(row.measures, name) for row in self.rows]
        return None if None in values else float(np.mean(values))


@dataclass(frozen=True)
class StudySummary:
    """A study's settings, best first.

    seed_spread: largest spread between seeds of one setting, in points; None without a second seed.
    borrowed_spread: that of another study of the same task, for one with a single seed.
    lead: of the best setting over the next, in points; None with fewer than two.
    """

    table: StudyTable
    settings: tuple[SettingSummary, ...]
    borrowed_spread: float | None = None

    @property
    def planned(self) -> tuple[dict[str, str | int | float], ...]:
        """Every setting of the study, trained or not, in the order of its runs."""
        return tuple(
            map(dict, dict.fromkeys(_without_seed(r.settings) for r in self.table.study.runs))
        )

    @property
    def accuracy_notes(self) -> tuple[str, ...]:
        """What accuracies were counted on, each wording once."""
        return tuple(dict.fromkeys(row.accuracy_note for row in self.table.rows))

    @property
    def seed_spread(self) -> float | None:
        """How far chance alone moves a result here."""
        spreads = [s.spread for s in self.settings if s.spread is not None]
        return max(spreads) if spreads else None

    @property
    def lead(self) -> float | None:
        """Of the best over the next, in points."""
        if len(self.settings) < 2:
            return None
        return self.settings[0].mean - self.settings[1].mean


def summarise(table: StudyTable, borrowed_spread: float | None = None) -> StudySummary:
    """Group the rows of a study by their settings without the seed."""
    groups: dict[tuple, list[StudyRow]] = {}
    for row in table.rows:
        groups.setdefault(_without_seed(row.settings), []).append(row)
    settings = [SettingSummary(dict(key), tuple(rows)) for key, rows in groups.items()]
    settings.sort(key=lambda setting: -setting.mean)
    return StudySummary(table, tuple(settings), borrowed_spread)


def _without_seed(settings: dict) -> tuple[tuple[str, str | int | float], ...]:
    return tuple((name, value) for name, value in settings.items() if name != _SEED)


def rank_correlation(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Spearman's correlation of two rows of values, ties sharing their mean rank.

    None for fewer than three pairs or where one row is constant.
    """
    ranks = [_ranks(values) for values in (first, second)]
    if len(first) < 3 or any(np.ptp(each) == 0 for each in ranks):
        return None
    return float(np.corrcoef(*ranks)[0, 1])


def _ranks(values: Sequence[float]) -> np.ndarray:
    values = np.asarray(values, float)
    smaller = (values[:, None] > values).sum(1)
    equal = (values[:, None] == values).sum(1)
    return smaller + (equal - 1) / 2
