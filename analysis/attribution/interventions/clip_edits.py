"""Interventions on the clip that the model is shown."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from analysis.attribution.faithfulness.baselines import baseline_clip
from analysis.attribution.faithfulness.units import units_of
from analysis.attribution.interventions.intervention import Intervention, check_tokens
from analysis.attribution.method import AttributionError, one_clip


@dataclass(frozen=True, eq=False)
class MaskInput(Intervention):
    """Frames, regions or single tokens of the clip covered by a baseline.

    tokens: bool (L,) with CLS first, True = masked; CLS has no pixels and can't be. baseline: one
    of `faithfulness.baselines.BASELINES`; `other` is the clip that "other_clip" puts in.
    """

    tokens: Tensor
    baseline: str = "zero"
    other: Tensor | None = None

    def describe(self) -> str:
        return f"{int(self.tokens.sum())} tokens of the clip covered ({self.baseline})"

    def settings(self) -> dict[str, object]:
        return {"tokens": self.tokens.nonzero()[:, 0].tolist(), "baseline": self.baseline}

    def check(self, model: nn.Module, clip: Tensor) -> None:
        check_tokens("tokens", self.tokens, model.token_grid.length)
        if self.tokens[0]:
            raise AttributionError("CLS has no pixels that could be covered; leave it out.")
        baseline_clip(clip, self.baseline, self._other(model))

    def clips(self, model: nn.Module, clip: Tensor, strength: Tensor) -> Tensor:
        chosen = self.tokens[1:].cpu().numpy()[None]
        pixels = units_of("tubelets", model.token_grid).pixels(chosen, *clip.shape[1:])[0]
        masked = torch.from_numpy(pixels).to(clip.device)
        change = baseline_clip(clip, self.baseline, self._other(model)) - clip
        return (clip + strength * masked * change)[None]

    def _other(self, model: nn.Module) -> Tensor | None:
        return None if self.other is None else one_clip(model, self.other)


@dataclass(frozen=True, eq=False)
class ReorderTime(Intervention):
    """The frames of the clip in another order: place i shows frame `order[i]`."""

    order: Sequence[int]

    def describe(self) -> str:
        reversed_ = list(self.order) == list(range(len(self.order)))[::-1]
        return "time reversed" if reversed_ else "frames in another order"

    def settings(self) -> dict[str, object]:
        return {"order": [int(frame) for frame in self.order]}

    def check(self, model: nn.Module, clip: Tensor) -> None:
        if sorted(self.order) != list(range(clip.shape[1])):
            raise AttributionError(
                f"An order of {clip.shape[1]} frames names each from 0 to {clip.shape[1] - 1} once."
            )

    def clips(self, model: nn.Module, clip: Tensor, strength: Tensor) -> Tensor:
        reordered = clip[:, torch.as_tensor(list(self.order), device=clip.device)]
        return (clip + strength * (reordered - clip))[None]


def reversed_time(frames: int) -> ReorderTime:
    """The clip backwards."""
    return ReorderTime(tuple(reversed(range(frames))))


def shuffled_time(frames: int, generator: np.random.Generator) -> ReorderTime:
    """The clip's frames in a random order that is not their own; 2 frames or more."""
    if frames < 2:
        raise AttributionError(f"Only two frames or more can be shuffled, got {frames}.")
    while True:
        order = generator.permutation(frames).tolist()
        if order != sorted(order):
            return ReorderTime(tuple(order))
