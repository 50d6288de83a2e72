"""Mixup and CutMix: clips of a batch mixed in pairs, with their labels."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from analysis.training.errors import TrainingError, require
from analysis.training.source import Batch


@dataclass(frozen=True)
class Mixing:
    """One kind of mixing with one share for a whole batch, as in timm's batch mode.

    mixup: of Beta(mixup, mixup), from which the share of a clip in a blend is drawn (mixup, arXiv
        1710.09412); cutmix: likewise of the share outside a box that another clip fills (CutMix,
        arXiv 1905.04899). 0 turns either off.
    cutmix_share: of the batches, where both are on. share: of the batches that are mixed at all.
    label_smoothing: share of the targets spread over all classes.
    """

    mixup: float = 0.8
    cutmix: float = 1.0
    cutmix_share: float = 0.5
    share: float = 1.0
    label_smoothing: float = 0.1

    def __post_init__(self) -> None:
        for name in ("mixup", "cutmix"):
            require(getattr(self, name) >= 0, f"mixing.{name}", getattr(self, name), "0 or more")
        for name in ("cutmix_share", "share"):
            value = getattr(self, name)
            require(0 <= value <= 1, f"mixing.{name}", value, "from 0 to 1")
        smoothing = self.label_smoothing
        holds = 0 <= smoothing < 1
        require(holds, "mixing.label_smoothing", smoothing, "at least 0 and below 1")

    def apply(self, batch: Batch, classes: int, generator: np.random.Generator) -> Batch:
        """A new batch in which clip i is mixed with clip B - 1 - i; targets (B, classes) sum to 1.

        Raises TrainingError, one sentence, for targets that are no class numbers.
        """
        if batch.targets.ndim != 1:
            raise TrainingError(
                f"Mixing got targets of shape {tuple(batch.targets.shape)} instead of class "
                "numbers; leave it out where values are learned or clips are mixed already."
            )
        clips, share = self._mixed(batch.clips, generator)
        return Batch(clips, soft_targets(batch.targets, classes, share, self.label_smoothing))

    def _mixed(self, clips: Tensor, generator: np.random.Generator) -> tuple[Tensor, float]:
        """The clips, and the share that each keeps of itself."""
        off = self.mixup == 0 and self.cutmix == 0
        if off or generator.random() >= self.share:
            return clips, 1.0
        if self.cutmix > 0 and (self.mixup == 0 or generator.random() < self.cutmix_share):
            return cut_mixed(clips, generator.beta(self.cutmix, self.cutmix), generator)
        share = generator.beta(self.mixup, self.mixup)
        return share * clips + (1 - share) * clips.flip(0), share


def cut_mixed(clips: Tensor, share: float, generator: np.random.Generator) -> tuple[Tensor, float]:
    """Clips (..., H, W) with a box from the clip opposite, and the share that is left of each.

    The box has the frame's proportions and sqrt(1 - share) of its sides, and is cut off where it
    reaches beyond the frame: the share returned is the real one.
    """
    height, width = clips.shape[-2:]
    half_h, half_w = (int(side * np.sqrt(1 - share)) // 2 for side in (height, width))
    y, x = int(generator.integers(height)), int(generator.integers(width))
    rows = slice(max(0, y - half_h), min(height, y + half_h))
    columns = slice(max(0, x - half_w), min(width, x + half_w))
    mixed = clips.clone()
    mixed[..., rows, columns] = clips.flip(0)[..., rows, columns]
    area = (rows.stop - rows.start) * (columns.stop - columns.start)
    return mixed, 1 - area / (height * width)


def soft_targets(targets: Tensor, classes: int, share: float, smoothing: float) -> Tensor:
    """Smoothed one-hot rows float32 (B, classes), `share` of each left beside the one opposite."""
    hot = F.one_hot(targets, classes).to(torch.float32)
    hot = (1 - smoothing) * hot + smoothing / classes
    return share * hot + (1 - share) * hot.flip(0)
