"""Captioned pictures as the data of a recipe."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from analysis.models.clip import Clip
from analysis.training.camera.photograph_material import (
    OverPhotographs,
    PhotographMaterial,
    read_photographs,
)
from analysis.training.camera.photograph_store import PhotographStore
from analysis.training.camera.photographs import Photograph
from analysis.training.captioned_pictures.captioned_pictures import CaptionedPictures
from analysis.training.captioned_pictures.evaluation import named_kinds, texts_found
from analysis.training.captioned_pictures.picture_words import LONGEST_CAPTION, kinds, vocabulary
from analysis.training.captioned_pictures.vocabulary import Vocabulary
from analysis.training.clip_feed import normalised_pictures
from analysis.training.rendered_clips import Draw, RenderedSource, held_out_batches
from analysis.training.scores import Scores
from analysis.training.source import Batch, Places, RunShape


@dataclass(frozen=True)
class CaptionedPicturesData(OverPhotographs):
    """Endless pictures of one or two shapes, with a sentence each."""

    def load(self, places: Places, say: Callable[[str], None]) -> "CaptionedPicturesMaterial":
        """Fetch or read the photographs; raises PhotographsError, one sentence."""
        return CaptionedPicturesMaterial(self, read_photographs(places, say))


class CaptionedPicturesMaterial(PhotographMaterial):
    """The photographs with their split; see `analysis.training.source.Material`.

    Targets of its batches are token numbers, int64 (B, LONGEST_CAPTION).
    """

    labels = ()
    label_order = None
    clips_per_epoch = None

    def __init__(self, data: OverPhotographs, photographs: Sequence[Photograph]):
        super().__init__(data, photographs)
        self.vocabulary = Vocabulary(vocabulary(), LONGEST_CAPTION)

    def training(self, run: RunShape) -> RenderedSource:
        """Seen kinds over the training photographs."""
        pictures = self._pictures("seen", self.training_photographs, run)
        return RenderedSource(self._draw(pictures), self.data.easy_share, run)

    def held_out(self, run: RunShape, clips: int) -> Iterator[Batch]:
        """Kinds never seen over photographs never trained on."""
        pictures = self._pictures("never_seen", self.held_out_photographs, run)
        return held_out_batches(self._draw(pictures), clips)

    def evaluate(self, model: Clip, run: RunShape) -> dict:
        """How often it names kinds never seen, and finds a picture's own sentence among 200."""
        over = self.held_out_photographs
        scores = {split: self.named(model, split, run) for split in ("never_seen", "seen")}
        found = texts_found(model, self._pictures("seen", over, run), self.vocabulary)
        new = scores["never_seen"].as_dict()
        return {
            "accuracy": new["accuracy"],
            "accuracy_note": (
                f"top-1 of {len(kinds())} sentences (a colour and a shape) on "
                f"{scores['never_seen'].clips} pictures of combinations never trained on, over "
                f"{len(over)} photographs never trained on; "
                f"{100 * scores['seen'].accuracy:.2f} % on combinations trained on; a picture's "
                f"own sentence found first among {found.texts} in {100 * found.share:.2f} %"
            ),
            "accuracy_by_class": {k: v for k, v in new["accuracy_by_class"].items() if v},
            "rendered": {split: each.as_dict() for split, each in scores.items()},
            "texts_found_percent": round(100 * found.share, 2),
        }

    def named(self, model: nn.Module, split: str, run: RunShape) -> Scores:
        """Colours and shapes found among all sentences, over photographs never trained on."""
        pictures = self._pictures(split, self.held_out_photographs, run)
        return named_kinds(model, pictures, self.vocabulary)

    def facts(self) -> dict:
        """Which photographs, and the words."""
        photographs = len(self.training_photographs)
        return {
            "data": f"captioned pictures of plain shapes in front of {photographs} photographs",
            "note": "It matches pictures of plain shapes with sentences of its few words.",
            "photographs": self.photograph_facts(),
            "vocabulary": " ".join(vocabulary()),
        }

    def _pictures(self, split: str, photographs: Sequence[Photograph], run: RunShape):
        store = PhotographStore.build(photographs)
        return CaptionedPictures(store, split, image_size=run.image_size)

    def _draw(self, pictures: CaptionedPictures) -> Draw:
        def draw(*request) -> Batch:
            drawn = pictures.batch_of(*request)
            numbers = torch.from_numpy(self.vocabulary.encode(drawn.captions))
            return Batch(normalised_pictures(drawn.pixels), numbers)

        return draw
