"""Camera moves over photographs as the data of a recipe."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from analysis.training.camera.camera_moves import CameraMoves
from analysis.training.camera.camera_path import CAMERA_MOVES
from analysis.training.camera.clip_files import ClipFormat
from analysis.training.camera.evaluation import FORMATS, score_files, score_footage
from analysis.training.camera.photograph_material import (
    OverPhotographs,
    PhotographMaterial,
    read_photographs,
)
from analysis.training.camera.photograph_store import PhotographStore
from analysis.training.camera.photographs import Photograph
from analysis.training.clip_feed import normalised
from analysis.training.errors import require
from analysis.training.rendered_clips import Draw, RenderedSource, held_out_batches
from analysis.training.scores import Scores, score_batches
from analysis.training.source import Batch, Places, RunShape


@dataclass(frozen=True)
class CameraMovesData(OverPhotographs):
    """Endless clips of nine camera moves over photographs.

    Easy clips have large moves and no nuisances.

    through_files: whether the finished model is also judged on clips that went through video files
        and on moves over footage, which takes some ten minutes.
    hardest: difficulty (0 to 1) of the hardest clips; held-out clips all have it.
    """

    through_files: bool = True
    hardest: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require(0 <= self.hardest <= 1, "data.hardest", self.hardest, "from 0 to 1")

    @property
    def kind_words(self) -> str:
        """What is said, after a description, of clips that are not as hard as they can be."""
        if self.hardest == 1:
            return ""
        return f", of difficulty {self.hardest:g}, where 0 is large moves alone and 1 is full"

    def load(self, places: Places, say: Callable[[str], None]) -> "CameraMaterial":
        """Fetch or read the photographs; raises PhotographsError, one sentence."""
        return CameraMaterial(self, read_photographs(places, say), places.footage)


class CameraMaterial(PhotographMaterial):
    """The photographs with their split; see `analysis.training.source.Material`."""

    labels = CAMERA_MOVES
    label_order = "camera_moves"
    clips_per_epoch = None

    def __init__(self, data: CameraMovesData, photographs: Sequence[Photograph], footage=()):
        super().__init__(data, photographs)
        self.footage = footage

    def training(self, run: RunShape) -> RenderedSource:
        """Clips over the training photographs."""
        draw = self._draw(self.training_photographs, run)
        return RenderedSource(draw, self.data.easy_share, run)

    def held_out(self, run: RunShape, clips: int) -> Iterator[Batch]:
        """Clips of the hardest kind over photographs never trained on."""
        return held_out_batches(self._draw(self.held_out_photographs, run), clips)

    def evaluate(
        self,
        model: nn.Module,
        run: RunShape,
        *,
        rendered_clips: int = 2250,
        clips_per_class: int = 6,
        formats: Sequence[ClipFormat] = FORMATS,
    ) -> dict:
        """Scores on rendered clips, on clips that went through video files, and over footage."""
        rendered = score_batches(model, self.labels, self.held_out(run, rendered_clips))
        shown = rendered.as_dict()
        evaluation = {
            "accuracy": shown["accuracy"],
            "accuracy_note": (
                f"top-1 of 9 camera moves on {rendered.clips} rendered clips of "
                f"{len(self.held_out_photographs)} photographs never trained on"
                f"{self.data.kind_words}"
            ),
            "accuracy_by_class": shown["accuracy_by_class"],
            "rendered": shown,
        }
        if not self.data.through_files:
            return evaluation
        moves = self._moves(self.held_out_photographs, run)
        files = score_files(
            model,
            moves,
            self.held_out_photographs,
            clips_per_class=clips_per_class,
            formats=formats,
        )
        played = score_footage(model, self.footage, clips_per_class=clips_per_class)
        evaluation["accuracy_note"] += _files_note(files, played)
        evaluation["files"] = {
            "clips": sum(scores.clips for scores in files.values()),
            "accuracy": _accuracy(files),
            "formats": {name: scores.as_dict() for name, scores in files.items()},
        }
        evaluation["footage"] = {name: scores.as_dict() for name, scores in played.items()}
        return evaluation

    def facts(self) -> dict:
        """Which photographs."""
        return {
            "data": f"camera moves rendered over {len(self.training_photographs)} photographs",
            "note": (
                "It was taught nine moves of the camera over photographs; its accuracy says how "
                "well it learned them. Large things that move can mislead it."
            ),
            "photographs": self.photograph_facts(),
        }

    def _moves(self, photographs: Sequence[Photograph], run: RunShape) -> CameraMoves:
        store = PhotographStore.build(photographs)
        return CameraMoves(store, num_frames=run.num_frames, image_size=run.image_size)

    def _draw(self, photographs: Sequence[Photograph], run: RunShape) -> Draw:
        moves = self._moves(photographs, run)

        def draw(size: int, generator: np.random.Generator, difficulty: float) -> Batch:
            pixels, labels = moves.batch(size, generator, self.data.hardest * difficulty)
            return Batch(normalised(pixels), torch.from_numpy(labels))

        return draw


def _accuracy(parts: dict[str, Scores]) -> float:
    """Percent right over all parts together."""
    clips = sum(scores.clips for scores in parts.values())
    return round(100 * sum(scores.right for scores in parts.values()) / clips, 2)


def _files_note(files: dict[str, Scores], played: dict[str, Scores]) -> str:
    over_footage = "".join(
        f"; {100 * scores.accuracy:.2f} % on {scores.clips} moves over the footage {name}"
        for name, scores in played.items()
    )
    return (
        f"; {_accuracy(files)} % on {sum(scores.clips for scores in files.values())} clips read "
        f"back from video files of six sizes, frame rates and lengths{over_footage}"
    )
