"""Directions of moving objects as the data of a recipe."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from analysis.training.camera.data import photographs_hash
from analysis.training.camera.photograph_fetching import fetch_photographs
from analysis.training.camera.photograph_store import PhotographStore
from analysis.training.camera.photographs import Photograph, load_photographs, split_photographs
from analysis.training.clip_feed import normalised
from analysis.training.errors import require
from analysis.training.moving_objects.composition import DIRECTIONS
from analysis.training.moving_objects.moving_objects import CaptionedBatch, MovingObjects
from analysis.training.rendered_clips import Draw, RenderedSource, held_out_batches
from analysis.training.scores import score_batches
from analysis.training.source import Batch, Places, RunShape

EVALUATION_CLIPS = 2250


@dataclass(frozen=True)
class MovingObjectsData:
    """Endless clips in which way an object moves against the scene.

    easy_share: share of the run during which clips grow from easy to full difficulty.
    held_out_share: of the photographs, never trained on.
    """

    easy_share: float = 0.3
    held_out_share: float = 0.15

    def __post_init__(self) -> None:
        for name in ("easy_share", "held_out_share"):
            value = getattr(self, name)
            require(0 <= value < 1, f"data.{name}", value, "at least 0 and below 1")

    def load(self, places: Places, say: Callable[[str], None]) -> "MovingObjectsMaterial":
        """Fetch or read the photographs; raises PhotographsError, one sentence."""
        cache = places.cache / "photographs"
        photographs = load_photographs(places.photographs or fetch_photographs(cache, say))
        say(f"{len(photographs)} photographs")
        return MovingObjectsMaterial(self, photographs)


class MovingObjectsMaterial:
    """The photographs with their split; see `analysis.training.source.Material`."""

    labels = DIRECTIONS
    label_order = "object_directions"
    clips_per_epoch = None

    def __init__(self, data: MovingObjectsData, photographs: Sequence[Photograph]):
        self.data = data
        self.training_photographs, self.held_out_photographs = split_photographs(
            photographs, data.held_out_share
        )
        self._hash = photographs_hash(photographs)

    def training(self, run: RunShape) -> RenderedSource:
        """Seen compositions over the training photographs."""
        draw = self._draw("seen", self.training_photographs, run)
        return RenderedSource(draw, self.data.easy_share, run)

    def held_out(self, run: RunShape, clips: int) -> Iterator[Batch]:
        """Compositions never seen over photographs never trained on, at full difficulty."""
        draw = self._draw("never_seen", self.held_out_photographs, run)
        return held_out_batches(draw, clips)

    def evaluate(self, model: nn.Module, run: RunShape) -> dict:
        """Scores on held-out clips."""
        scores = score_batches(model, self.labels, self.held_out(run, EVALUATION_CLIPS))
        return {
            "accuracy": round(100 * scores.accuracy, 2),
            "accuracy_note": (
                f"top-1 of {len(self.labels)} directions on {scores.clips} rendered clips: "
                "combinations of shape, colour, direction and camera move never trained on, over "
                f"{len(self.held_out_photographs)} photographs never trained on"
            ),
            "accuracy_by_class": scores.as_dict()["accuracy_by_class"],
            "rendered": scores.as_dict(),
        }

    def facts(self) -> dict:
        """Which photographs."""
        return {
            "data": f"coloured shapes moving over {len(self.training_photographs)} photographs",
            "note": "It says which way a plain shape moves against what is behind it.",
            "photographs": {
                "training": len(self.training_photographs),
                "held_out": [photograph.name for photograph in self.held_out_photographs],
                "sha256": self._hash,
            },
        }

    def _draw(self, split: str, photographs: Sequence[Photograph], run: RunShape) -> Draw:
        store = PhotographStore.build(photographs)
        clips = MovingObjects(store, split, num_frames=run.num_frames, image_size=run.image_size)
        return lambda *request: _batch(clips.batch_of(*request))


def _batch(drawn: CaptionedBatch) -> Batch:
    directions = [DIRECTIONS.index(composition.direction) for composition in drawn.compositions]
    return Batch(normalised(drawn.pixels), torch.tensor(directions, dtype=torch.int64))
