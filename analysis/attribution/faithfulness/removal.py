"""What a model says of a class once parts of a clip are gone."""

from collections import defaultdict
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from analysis.attribution.edited_pass import logits_of
from analysis.attribution.faithfulness.baselines import REMOVALS, TOKEN_DROP, baseline_clip
from analysis.attribution.faithfulness.units import Units
from analysis.attribution.method import (
    AttributionError,
    inside_videomamba,
    model_input,
    one_clip,
    videomamba,
)
from analysis.tracing.recorder import evaluation_mode

SCORES: dict[str, str] = {"probability": "softmax probability", "logit": "logit"}


def fitting_removals(config: Any) -> tuple[str, ...]:
    """Those of `REMOVALS` that change something in models of a configuration, and can."""
    return tuple(name for name in REMOVALS if _fits(name, config))


def _fits(name: str, config: Any) -> bool:
    if name == "frame_repeat":
        return config.num_frames is not None
    if name == TOKEN_DROP:
        try:
            inside_videomamba(config, name)
        except AttributionError:
            return False
    return True


class Removal:
    """Scores of one class of one clip with units removed, remembered so that none is asked twice.

    clip: (3, T, H, W), normalised; an image model takes (3, H, W) too. `target` is a class index.
    baseline: one of `REMOVALS`; `other` is the clip that "other_clip" puts in. "token_drop" takes
        a VideoMamba and leaves the tokens out; without any patch a mean readout is zero.
    score: "probability" (after softmax) or "logit".
    batch_size: clips in one forward pass.

    Raises AttributionError, one sentence, for what does not fit.
    """

    def __init__(
        self,
        model: nn.Module,
        clip: Tensor,
        target: int,
        units: Units,
        *,
        baseline: str = "zero",
        other: Tensor | None = None,
        score: str = "probability",
        batch_size: int = 16,
    ):
        if baseline not in REMOVALS:
            raise AttributionError(
                f"There is no baseline {baseline!r}; choose one of {', '.join(REMOVALS)}."
            )
        if score not in SCORES:
            raise AttributionError(f"There is no score {score!r}; choose {' or '.join(SCORES)}.")
        if batch_size < 1:
            raise AttributionError(f"A batch needs at least one clip, got {batch_size}.")
        self.model, self.target, self.units = model, target, units
        self.baseline, self.score, self.batch_size = baseline, score, batch_size
        self.clip = one_clip(model, clip)
        if baseline == TOKEN_DROP:
            videomamba(model, "A pass with tokens left out")
        else:
            other = None if other is None else one_clip(model, other)
            self._replacement = baseline_clip(self.clip, baseline, other)
        self._known: dict[bytes, float] = {}

    def scores(self, removed: np.ndarray) -> np.ndarray:
        """Scores float64 (P,) with the units marked in `removed`, bool (P, U), taken away."""
        removed = np.asarray(removed, bool)
        keys = [row.tobytes() for row in np.packbits(removed, axis=1)]
        new = {key: row for row, key in enumerate(keys) if key not in self._known}
        if new:
            found = self._ask(removed[list(new.values())])
            self._known.update(zip(new, found.tolist(), strict=True))
        return np.array([self._known[key] for key in keys])

    def drops(self, removed: np.ndarray) -> np.ndarray:
        """By how much the score falls, float64 (P,)."""
        none = np.zeros((1, self.units.count), bool)
        return self.scores(none) - self.scores(removed)

    @torch.inference_mode()
    def _ask(self, removed: np.ndarray) -> np.ndarray:
        logits = self._dropped if self.baseline == TOKEN_DROP else self._replaced
        with evaluation_mode(self.model):
            answers = logits(removed).double()
        if self.score == "probability":
            answers = answers.softmax(dim=1)
        return answers[:, self.target].cpu().numpy()

    def _replaced(self, removed: np.ndarray) -> Tensor:
        """Logits (P, classes) with the baseline put in."""
        parts = []
        for start in range(0, len(removed), self.batch_size):
            rows = removed[start : start + self.batch_size]
            pixels = self.units.pixels(rows, *self.clip.shape[1:])
            gone = torch.from_numpy(pixels).to(self.clip.device)[:, None]
            clips = torch.where(gone, self._replacement, self.clip)
            parts.append(self.model(model_input(self.model, clips)))
        return torch.cat(parts)

    def _dropped(self, removed: np.ndarray) -> Tensor:
        """Logits (P, classes) of shorter sequences; only those of one length share a batch."""
        tokens = self.model.embed(model_input(self.model, self.clip[None]))
        kept = ~self.units.tokens(removed).reshape(len(removed), -1)
        visible = torch.from_numpy(np.pad(kept, ((0, 0), (1, 0)), constant_values=True))
        of_length = defaultdict(list)
        for row, length in enumerate(visible.sum(1).tolist()):
            of_length[length].append(row)
        answers = {}
        for rows in of_length.values():
            for start in range(0, len(rows), self.batch_size):
                part = rows[start : start + self.batch_size]
                answers.update(zip(part, self._of_visible(tokens, visible[part]), strict=True))
        return torch.stack([answers[row] for row in range(len(removed))])

    def _of_visible(self, tokens: Tensor, visible: Tensor) -> Tensor:
        left = tokens.expand(len(visible), -1, -1)[visible.to(tokens.device)]
        left = left.view(len(visible), -1, tokens.shape[-1])
        return logits_of(self.model, left, visible=visible)
