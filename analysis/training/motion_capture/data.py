"""Motion-captured actions as the data of a recipe."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from analysis.training.clip_feed import normalised
from analysis.training.errors import require
from analysis.training.motion_capture.motion_capture import MotionCapture
from analysis.training.motion_capture.motions import ACTIONS, Motion, load_motions
from analysis.training.rendered_clips import Draw, RenderedSource, held_out_batches
from analysis.training.scores import score_batches
from analysis.training.source import Batch, Places, RunShape

EVALUATION_CLIPS = 2250


@dataclass(frozen=True)
class MotionCaptureData:
    """Endless clips of fifteen actions.

    easy_share: share of the run during which clips grow from easy (well framed, clean, bright
        before dark) to the hardest.
    hardest: difficulty (0 to 1) of the hardest clips; held-out clips all have it.
    """

    easy_share: float = 0.3
    hardest: float = 1.0

    def __post_init__(self) -> None:
        holds = 0 <= self.easy_share < 1
        require(holds, "data.easy_share", self.easy_share, "at least 0 and below 1")
        require(0 <= self.hardest <= 1, "data.hardest", self.hardest, "from 0 to 1")

    def load(self, places: Places, say: Callable[[str], None]) -> "MotionCaptureMaterial":
        """Read or convert the motions; raises MotionCaptureError, one sentence."""
        return MotionCaptureMaterial(self, load_motions(places.cache / "motion_capture", say))


class MotionCaptureMaterial:
    """The motions with their split; see `analysis.training.source.Material`."""

    labels = ACTIONS
    label_order = "motion_capture"
    clips_per_epoch = None

    def __init__(self, data: MotionCaptureData, motions: tuple[Motion, ...]):
        self.data, self.motions = data, motions

    def training(self, run: RunShape) -> RenderedSource:
        """Clips from the training viewpoints at the training speeds."""
        return RenderedSource(self._draw("training", run), self.data.easy_share, run)

    def held_out(self, run: RunShape, clips: int) -> Iterator[Batch]:
        """Clips of the hardest kind from held-out viewpoints at held-out speeds."""
        return held_out_batches(self._draw("held_out", run), clips)

    def evaluate(self, model: nn.Module, run: RunShape) -> dict:
        """Scores on held-out clips."""
        scores = score_batches(model, self.labels, self.held_out(run, EVALUATION_CLIPS))
        shown = scores.as_dict()
        return {
            "accuracy": shown["accuracy"],
            "accuracy_note": (
                f"top-1 of {len(self.labels)} actions on {scores.clips} clips drawn from "
                "viewpoints and at playback speeds never trained on; the performances, one for "
                "each action, are those trained on"
            ),
            "accuracy_by_class": shown["accuracy_by_class"],
            "drawn": shown,
        }

    def facts(self) -> dict:
        """Which motions."""
        return {
            "data": "15 motion-captured actions, drawn before made-up pictures",
            "note": "It has seen one performance of each action, by a drawn figure.",
            "motions": "pybullet 3.2.7",
        }

    def _draw(self, split: str, run: RunShape) -> Draw:
        clips = MotionCapture(
            self.motions, split, num_frames=run.num_frames, image_size=run.image_size
        )

        def draw(size: int, generator: np.random.Generator, difficulty: float) -> Batch:
            pixels, labels = clips.batch_of(size, generator, self.data.hardest * difficulty)
            return Batch(normalised(pixels), torch.from_numpy(labels))

        return draw
