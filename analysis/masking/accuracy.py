"""How many answers stay right when tokens are left out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from analysis.masking.strategies import draw_masks
from analysis.models.videomamba import VideoMamba

UNMASKED = "none"


@dataclass(frozen=True)
class MaskedAccuracy:
    """Right answers of one model with one strategy, or without (`UNMASKED`), over `clips` clips."""

    strategy: str
    correct: int
    clips: int

    @property
    def accuracy(self) -> float:
        """Share of right answers, 0 to 1."""
        return self.correct / self.clips


@dataclass(frozen=True)
class LabelledClips:
    """Clips (B, C, T, H, W) with their classes (B,) and what weighs masks of them.

    weights: (B, t, h*w) by name of the strategy that reads them.
    """

    clips: Tensor
    classes: Tensor
    weights: dict[str, Tensor]


@torch.inference_mode()
def masked_accuracies(
    model: VideoMamba,
    batches: Iterable[LabelledClips],
    strategies: Sequence[str],
    ratio: float,
    generator: torch.Generator,
) -> tuple[MaskedAccuracy, ...]:
    """Accuracy without a mask, then with each strategy; every clip gets masks of its own.

    Hidden tokens are dropped before the first block. Raises ValueError, one sentence, as
    `draw_masks` does, and for no clips at all.
    """
    correct, clips = dict.fromkeys((UNMASKED, *strategies), 0), 0
    for batch in batches:
        clips += len(batch.clips)
        for strategy in correct:
            mask = None
            if strategy != UNMASKED:
                weights = batch.weights.get(strategy)
                count = len(batch.clips)
                mask = draw_masks(strategy, model.token_grid, ratio, count, generator, weights)
                mask = mask.to(batch.clips.device)
            answers = model(batch.clips, mask).argmax(-1)
            correct[strategy] += int((answers == batch.classes).sum())
    if not clips:
        raise ValueError("there are no clips to judge on; give at least one")
    return tuple(MaskedAccuracy(name, count, clips) for name, count in correct.items())
