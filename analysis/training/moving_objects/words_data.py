"""What clips of moving objects show, in single words, as the data of a recipe."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from analysis.training.camera.photograph_material import OverPhotographs, read_photographs
from analysis.training.camera.photograph_store import PhotographStore
from analysis.training.camera.photographs import Photograph
from analysis.training.clip_feed import normalised
from analysis.training.moving_objects.captioned_clips import RADIUS_VIEWS
from analysis.training.moving_objects.composition import ATTRIBUTES, Composition
from analysis.training.moving_objects.data import MovingObjectsMaterial
from analysis.training.moving_objects.moving_objects import CaptionedBatch, MovingObjects
from analysis.training.rendered_clips import Draw, held_out_batches
from analysis.training.source import Batch, Places, RunShape
from analysis.video.labels import label_names

EVALUATION_CLIPS = 1800


@dataclass(frozen=True)
class ObjectWordsData(OverPhotographs):
    """Endless clips of moving objects under moving cameras, with a word for each attribute."""

    def load(self, places: Places, say: Callable[[str], None]) -> "ObjectWordsMaterial":
        """Fetch or read the photographs; raises PhotographsError, one sentence."""
        return ObjectWordsMaterial(self, read_photographs(places, say))


class ObjectWordsMaterial(MovingObjectsMaterial):
    """The photographs with their split; see `analysis.training.source.Material`.

    Targets of its batches are float32 (B, 32), a quarter for each word that holds: one of every
    attribute, in the order of `ATTRIBUTES`.
    """

    labels = label_names("object_words")
    label_order = "object_words"

    def evaluate(self, model: nn.Module, run: RunShape) -> dict:
        """How often the likeliest word of an attribute is the right one."""
        shares = {split: self._shares(model, split, run) for split in ("never_seen", "seen")}
        new, known = (_said(shares[split]) for split in ("never_seen", "seen"))
        return {
            "accuracy": round(sum(shares["never_seen"].values()) / len(ATTRIBUTES), 2),
            "accuracy_note": (
                f"mean of {new}, the likeliest word of each, on {EVALUATION_CLIPS} rendered "
                "clips: combinations never trained on, over "
                f"{len(self.held_out_photographs)} photographs never trained on; {known} on "
                "combinations trained on"
            ),
            "accuracy_by_attribute": shares,
        }

    def _shares(self, model: nn.Module, split: str, run: RunShape) -> dict[str, float]:
        """Percent of clips over photographs never trained on, by attribute."""
        right = dict.fromkeys(ATTRIBUTES, 0)
        drawn = self._draw(split, self.held_out_photographs, run)
        for batch in held_out_batches(drawn, EVALUATION_CLIPS):
            for name, count in attributes_right(model, batch).items():
                right[name] += count
        return {name: round(100 * count / EVALUATION_CLIPS, 1) for name, count in right.items()}

    def facts(self) -> dict:
        """Which photographs."""
        return {
            "data": f"coloured shapes moving over {len(self.training_photographs)} photographs",
            "note": (
                "Four words are right at once, of shape, colour, direction and camera, so that "
                "none gets more than about a quarter. It is what the small video-text model "
                "starts from."
            ),
            "photographs": self.photograph_facts(),
        }

    def _draw(self, split: str, photographs: Sequence[Photograph], run: RunShape) -> Draw:
        store = PhotographStore.build(photographs)
        size = {"num_frames": run.num_frames, "image_size": run.image_size}
        clips = MovingObjects(store, split, radius_views=RADIUS_VIEWS, **size)
        return lambda *request: _batch(clips.batch_of(*request))


@torch.inference_mode()
def attributes_right(model: nn.Module, batch: Batch) -> dict[str, int]:
    """Number of clips of which the likeliest word of an attribute is the right one."""
    model.eval()
    logits = model(batch.clips.to(next(model.parameters()).device)).cpu()
    sizes = [len(values) for values in ATTRIBUTES.values()]
    answers, truths = logits.split(sizes, dim=1), batch.targets.split(sizes, dim=1)
    return {
        name: int((answer.argmax(1) == truth.argmax(1)).sum())
        for name, answer, truth in zip(ATTRIBUTES, answers, truths, strict=True)
    }


def _said(shares: dict[str, float]) -> str:
    return ", ".join(f"{name} {share} %" for name, share in shares.items())


def word_targets(compositions: Sequence[Composition]) -> Tensor:
    """Float32 (B, 32): a quarter for every word of a composition."""
    targets, first = torch.zeros(len(compositions), len(label_names("object_words"))), 0
    for name, values in ATTRIBUTES.items():
        numbers = [first + values.index(getattr(one, name)) for one in compositions]
        targets[range(len(compositions)), numbers] = 1 / len(ATTRIBUTES)
        first += len(values)
    return targets


def _batch(drawn: CaptionedBatch) -> Batch:
    return Batch(normalised(drawn.pixels), word_targets(drawn.compositions))
