"""Directions of moving objects as the data of a recipe."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from analysis.training.camera.photograph_material import (
    OverPhotographs,
    PhotographMaterial,
    read_photographs,
)
from analysis.training.camera.photograph_store import PhotographStore
from analysis.training.camera.photographs import Photograph
from analysis.training.clip_feed import normalised
from analysis.training.moving_objects.composition import DIRECTIONS
from analysis.training.moving_objects.moving_objects import CaptionedBatch, MovingObjects
from analysis.training.rendered_clips import Draw, RenderedSource, held_out_batches
from analysis.training.scores import score_batches
from analysis.training.source import Batch, Places, RunShape

EVALUATION_CLIPS = 2250


@dataclass(frozen=True)
class MovingObjectsData(OverPhotographs):
    """Endless clips in which way an object moves against the scene."""

    def load(self, places: Places, say: Callable[[str], None]) -> "MovingObjectsMaterial":
        """Fetch or read the photographs; raises PhotographsError, one sentence."""
        return MovingObjectsMaterial(self, read_photographs(places, say))


class MovingObjectsMaterial(PhotographMaterial):
    """The photographs with their split; see `analysis.training.source.Material`."""

    labels = DIRECTIONS
    label_order = "object_directions"
    clips_per_epoch = None

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
        shown = scores.as_dict()
        return {
            "accuracy": shown["accuracy"],
            "accuracy_note": (
                f"top-1 of {len(self.labels)} directions on {scores.clips} rendered clips: "
                "combinations of shape, colour, direction and camera move never trained on, over "
                f"{len(self.held_out_photographs)} photographs never trained on"
            ),
            "accuracy_by_class": shown["accuracy_by_class"],
            "rendered": shown,
        }

    def facts(self) -> dict:
        """Which photographs."""
        return {
            "data": f"coloured shapes moving over {len(self.training_photographs)} photographs",
            "note": "It says which way a plain shape moves against what is behind it.",
            "photographs": self.photograph_facts(),
        }

    def _draw(self, split: str, photographs: Sequence[Photograph], run: RunShape) -> Draw:
        store = PhotographStore.build(photographs)
        clips = MovingObjects(store, split, num_frames=run.num_frames, image_size=run.image_size)
        return lambda *request: _batch(clips.batch_of(*request))


def _batch(drawn: CaptionedBatch) -> Batch:
    directions = [DIRECTIONS.index(composition.direction) for composition in drawn.compositions]
    return Batch(normalised(drawn.pixels), torch.tensor(directions, dtype=torch.int64))
