"""Several data sets learned by one model, a fixed share of every batch from each."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import nn

from analysis.training.errors import require
from analysis.training.scores import Scores, score_batches
from analysis.training.source import Batch, Data, Material, Places, RunShape, Source

EVALUATION_CLIPS = 4500


@dataclass(frozen=True)
class MixedData:
    """Endless data sets side by side; classes of the first come first, then those of the next.

    A clip of one set that is answered by a class of another counts as wrong.
    """

    parts: tuple[Data, ...]

    def __post_init__(self) -> None:
        require(len(self.parts) > 1, "data.parts", len(self.parts), "2 data sets or more")

    def load(self, places: Places, say: Callable[[str], None]) -> "MixedMaterial":
        """Load every part."""
        return MixedMaterial([part.load(places, say) for part in self.parts])


class MixedMaterial:
    """The parts, loaded; see `analysis.training.source.Material`."""

    clips_per_epoch = None

    def __init__(self, parts: Sequence[Material]):
        self.parts = tuple(parts)
        self.labels = tuple(label for part in parts for label in part.labels)
        self.label_order = "+".join(part.label_order for part in parts)
        self._offsets = np.cumsum([0, *(len(part.labels) for part in parts)])

    def training(self, run: RunShape) -> "MixedSource":
        """Batches cut evenly into the parts."""
        bounds = np.linspace(0, run.batch_size, len(self.parts) + 1).astype(int)
        sources = [
            part.training(replace(run, batch_size=int(size)))
            for part, size in zip(self.parts, np.diff(bounds), strict=True)
        ]
        return MixedSource(sources, self._offsets)

    def held_out(self, run: RunShape, clips: int) -> Iterator[Batch]:
        """Clips never trained on, as many of each part, part after part."""
        for number, part in enumerate(self.parts):
            for batch in part.held_out(run, clips // len(self.parts)):
                yield _shifted(batch, self._offsets[number])

    def evaluate(self, model: nn.Module, run: RunShape) -> dict:
        """Accuracy: the mean over the parts, so that none counts by its number of clips."""
        scores = score_batches(model, self.labels, self.held_out(run, EVALUATION_CLIPS))
        shares = [self._share_right(scores, number) for number in range(len(self.parts))]
        each = ", ".join(
            f"{share:.1f} % of {len(part.labels)} {part.label_order.replace('_', ' ')}"
            for share, part in zip(shares, self.parts, strict=True)
        )
        return {
            "accuracy": round(float(np.mean(shares)), 2),
            "accuracy_note": f"top-1 on {scores.clips} clips never trained on, mean of {each}",
            "parts": {
                part.label_order: round(share, 2)
                for part, share in zip(self.parts, shares, strict=True)
            },
            "all": scores.as_dict(),
        }

    def facts(self) -> dict:
        """Those of all parts."""
        facts = [part.facts() for part in self.parts]
        return {
            "data": " and ".join(fact["data"] for fact in facts),
            "note": " ".join(fact["note"] for fact in facts),
            "parts": {
                part.label_order: {k: v for k, v in fact.items() if k not in ("data", "note")}
                for part, fact in zip(self.parts, facts, strict=True)
            },
        }

    def _share_right(self, scores: Scores, part: int) -> float:
        """Percent of the clips of one part that are answered by their own class."""
        rows = range(self._offsets[part], self._offsets[part + 1])
        clips = sum(sum(scores.confusion[row]) for row in rows)
        return 100 * sum(scores.confusion[row][row] for row in rows) / clips


class MixedSource:
    """Batches whose first part comes from the first source, and so on."""

    def __init__(self, sources: Sequence[Source], offsets: Sequence[int]):
        self.sources, self.offsets = tuple(sources), offsets

    def batch(self, step: int) -> Batch:
        """The batch of step number `step`."""
        batches = [
            _shifted(source.batch(step), offset)
            for source, offset in zip(self.sources, self.offsets, strict=False)
        ]
        return Batch(
            torch.cat([batch.clips for batch in batches]),
            torch.cat([batch.targets for batch in batches]),
        )


def _shifted(batch: Batch, offset: int) -> Batch:
    return Batch(batch.clips, batch.targets + int(offset))
