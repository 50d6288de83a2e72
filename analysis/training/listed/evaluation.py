"""Scores of a model over a list: top-1 and top-5, class by class, or the squared error."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.training.listed.list_file import Problem
from analysis.training.scores import Scores, score

_TOP = 5


@dataclass(frozen=True)
class Answer:
    """What a model says about the video of a line.

    answer: class number, or the value in regression; rank: place of the true class among the
    answers, from 1, None in regression.
    """

    line: int
    target: int | float
    answer: int | float
    rank: int | None = None


@dataclass(frozen=True)
class Evaluation:
    """Answers about a whole list. Scores are None where they do not apply."""

    list_name: str
    labels: tuple[str, ...]
    clips: int
    crops: int
    answers: tuple[Answer, ...]
    problems: tuple[Problem, ...]

    @property
    def scores(self) -> Scores | None:
        """The confusion matrix, with what follows from it."""
        if not self.labels or not self.answers:
            return None
        targets = [answer.target for answer in self.answers]
        return score(self.labels, targets, [answer.answer for answer in self.answers])

    @property
    def top1_percent(self) -> float | None:
        """Share of videos whose class comes first."""
        return _percent(self.answers, 1) if self.labels else None

    @property
    def top5_percent(self) -> float | None:
        """Share of videos whose class is among the first five, of more than five."""
        return _percent(self.answers, _TOP) if len(self.labels) > _TOP else None

    @property
    def mean_squared_error(self) -> float | None:
        """Mean over the videos of (answer - value) ** 2, in regression."""
        if self.labels or not self.answers:
            return None
        return float(np.mean([(a.answer - a.target) ** 2 for a in self.answers]))

    def class_table(self) -> tuple[dict, ...]:
        """Per class: label, videos, top-1 and top-5 in percent (None without videos)."""
        by_class = [[] for _ in self.labels]
        for answer in self.answers if self.labels else ():
            by_class[int(answer.target)].append(answer)
        return tuple(
            {
                "label": label,
                "videos": len(answers),
                "top1_percent": _percent(answers, 1),
                "top5_percent": _percent(answers, _TOP) if len(self.labels) > _TOP else None,
            }
            for label, answers in zip(self.labels, by_class, strict=True)
        )

    def as_dict(self) -> dict:
        """Everything but the single answers, for JSON."""
        scores = self.scores
        return {
            "list": self.list_name,
            "videos": len(self.answers),
            "views": f"{self.clips} x {self.crops}",
            "top1_percent": self.top1_percent,
            "top5_percent": self.top5_percent,
            "mean_squared_error": self.mean_squared_error,
            "classes": list(self.class_table()),
            "confusion": scores and [list(row) for row in scores.confusion],
            "problems": [
                {"line": problem.line, "problem": problem.sentence} for problem in self.problems
            ],
        }


def _percent(answers: Sequence[Answer], top: int) -> float | None:
    if not answers:
        return None
    return 100 * sum(answer.rank <= top for answer in answers) / len(answers)
