"""Do it, let the model run on, and set what happened beside what a linear model would expect."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from analysis.attribution.edited_pass import logits_of
from analysis.attribution.interventions.intervention import Intervention
from analysis.attribution.method import AttributionError, model_input, one_clip, videomamba
from analysis.models.videomamba import VideoMamba
from analysis.tracing.recorder import evaluation_mode

MOST_PREDICTED = 16
"""Up to so many classes all get a linear prediction, which takes a backward pass each."""


@dataclass(frozen=True, eq=False)
class InterventionResult:
    """What an intervention did to an answer.

    intervention: what was done, in words. settings: what was chosen.
    logits_before, logits_after, probabilities_before, probabilities_after: float64 (classes,).
    predicted: classes with a linear prediction. linear_change: float64, their expected changes of
        logit: the slope of the logit at the unchanged model times the whole intervention. Where
        it misses `change`, the layers after the intervention, or the scan itself, bend.
    """

    intervention: str
    settings: dict[str, object]
    logits_before: np.ndarray
    logits_after: np.ndarray
    probabilities_before: np.ndarray
    probabilities_after: np.ndarray
    predicted: tuple[int, ...]
    linear_change: np.ndarray
    latency_ms: float

    @property
    def change(self) -> np.ndarray:
        """Change of every logit, (classes,)."""
        return self.logits_after - self.logits_before


def intervene(
    model: VideoMamba,
    clip: Tensor,
    intervention: Intervention,
    *,
    classes: Sequence[int] | None = None,
) -> InterventionResult:
    """The answer to one clip (3, T, H, W) with and without an intervention.

    classes: those whose change is predicted linearly; by default all of up to 16, of more the
    five most probable before and the five most probable after. An image model takes (3, H, W) too.
    The model is left as it was found.

    Raises AttributionError, one sentence, for what does not fit the model or the clip.
    """
    began = time.perf_counter()
    with torch.inference_mode(False), evaluation_mode(model):
        clip = one_clip(videomamba(model, "An intervention"), clip)
        intervention.check(model, clip)
        answer = partial(_answer, model, clip, intervention)
        with torch.no_grad():
            before, after = (answer(clip.new_tensor(strength)) for strength in (0.0, 1.0))
        chosen = _classes(classes, before, after)
        slopes = _slopes(answer, chosen, clip.new_tensor(0.0))
    return InterventionResult(
        intervention=intervention.describe(),
        settings=intervention.settings(),
        logits_before=before.double().cpu().numpy(),
        logits_after=after.double().cpu().numpy(),
        probabilities_before=before.double().softmax(0).cpu().numpy(),
        probabilities_after=after.double().softmax(0).cpu().numpy(),
        predicted=chosen,
        linear_change=slopes,
        latency_ms=1e3 * (time.perf_counter() - began),
    )


def _answer(
    model: VideoMamba, clip: Tensor, intervention: Intervention, strength: Tensor
) -> Tensor:
    """Logits (classes,) with the intervention at a strength."""
    clips = intervention.clips(model, clip, strength)
    tokens = model.embed(model_input(model, clips))
    return logits_of(model, tokens, lambda scan: intervention.run_scan(scan, strength))[0]


def _slopes(
    answer: Callable[[Tensor], Tensor], classes: tuple[int, ...], strength: Tensor
) -> np.ndarray:
    """Slopes of some logits at a strength."""
    if not classes:
        return np.zeros(0)
    with torch.enable_grad():
        strength = strength.requires_grad_()
        logits = answer(strength)
        if not logits.requires_grad:
            return np.zeros(len(classes))
        slopes = [
            torch.autograd.grad(logits[index], strength, retain_graph=True, allow_unused=True)[0]
            for index in classes
        ]
    return np.array([0.0 if slope is None else slope.item() for slope in slopes])


def _classes(asked: Sequence[int] | None, before: Tensor, after: Tensor) -> tuple[int, ...]:
    count = len(before)
    if asked is not None:
        if any(not 0 <= index < count for index in asked):
            raise AttributionError(
                f"Classes are numbers from 0 to {count - 1}, got {', '.join(map(str, asked))}."
            )
        return tuple(asked)
    if count <= MOST_PREDICTED:
        return tuple(range(count))
    ten = [*before.topk(5).indices.tolist(), *after.topk(5).indices.tolist()]
    return tuple(dict.fromkeys(ten))
