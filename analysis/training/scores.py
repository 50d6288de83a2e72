"""How often a classifier is right, class by class."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from analysis.training.source import Batch


@dataclass(frozen=True)
class Scores:
    """Counts of answers: `confusion[i][j]` clips of class `labels[i]` were called `labels[j]`."""

    labels: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]

    @property
    def clips(self) -> int:
        """Number of clips."""
        return sum(map(sum, self.confusion))

    @property
    def right(self) -> int:
        """Number of clips called by their own class."""
        return sum(row[number] for number, row in enumerate(self.confusion))

    @property
    def accuracy(self) -> float:
        """Share of clips called by their own class, 0 to 1."""
        return self.right / self.clips

    def as_dict(self) -> dict:
        """Accuracy in percent, in all and by class, with the confusion matrix, for JSON."""
        rows = enumerate(zip(self.labels, self.confusion, strict=True))
        by_class = {
            label: round(100 * row[number] / sum(row), 1) if sum(row) else None
            for number, (label, row) in rows
        }
        return {
            "clips": self.clips,
            "accuracy": round(100 * self.accuracy, 2),
            "accuracy_by_class": by_class,
            "confusion": [list(row) for row in self.confusion],
        }


def score(labels: Sequence[str], classes: Sequence[int], answers: Sequence[int]) -> Scores:
    """Scores of `answers` against the true `classes`, both class numbers."""
    confusion = np.zeros((len(labels), len(labels)), np.int64)
    np.add.at(confusion, (np.asarray(classes), np.asarray(answers)), 1)
    rows = tuple(tuple(int(count) for count in row) for row in confusion)
    return Scores(tuple(labels), rows)


def answers_for(model: nn.Module, clips: torch.Tensor) -> np.ndarray:
    """Class numbers (B,) for clips float32 (B, 3, T, H, W)."""
    device = next(model.parameters()).device
    model.eval()
    with torch.inference_mode():
        return model(clips.to(device)).argmax(dim=1).cpu().numpy()


def score_batches(model: nn.Module, labels: Sequence[str], batches: Iterable[Batch]) -> Scores:
    """Scores over all clips of `batches`."""
    classes, answers = [], []
    for batch in batches:
        classes.extend(batch.targets.tolist())
        answers.extend(answers_for(model, batch.clips))
    return score(labels, classes, answers)
