"""Every attribution method under one call and with one kind of result."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from analysis.attribution import grad_cam, gradient, last_layer, mamba_lrp, occlusion, rollout
from analysis.attribution.method import (
    Answer,
    AttributionError,
    Method,
    Question,
    one_clip,
)
from analysis.nearest_names import nearest
from analysis.tracing.recorder import evaluation_mode

METHODS: dict[str, Method] = {
    method.name: method
    for room in (gradient, grad_cam, occlusion, rollout, last_layer, mamba_lrp)
    for method in room.METHODS
}
"""Every method by its name, in the order in which a page lists them."""


@dataclass(frozen=True, eq=False)
class Attribution:
    """What one method says about one class of one clip.

    method: key of `METHODS`. target: index of the class that is explained.
    values: float32 (t, h, w) on the token grid: what is ranked, overlaid and summed. Methods that
        work on pixels are summed over the pixels and colours of a tubelet, with their signs where
        `signed`, else by magnitude.
    pixels: float32 (T, H, W), summed over colours, where the method is shaped like its input.
    cls_value: what the method gives the CLS token, on the scale of `values`.
    completeness_error: |sum of parts - what they should sum to|, relative to the latter; None
        where the method promises no sum.
    bias_share: part of the logit that belongs to biases instead of the input; None likewise.
    omits: what the method leaves out, in words.
    settings: everything that was chosen, by the caller or by the method.
    """

    method: str
    target: int
    values: np.ndarray
    signed: bool
    pixels: np.ndarray | None
    cls_value: float | None
    completeness_error: float | None
    bias_share: float | None
    omits: tuple[str, ...]
    settings: dict[str, object]
    latency_ms: float


def attribute(
    model: nn.Module,
    clip: Tensor,
    method: str,
    target: int | None = None,
    *,
    generator: torch.Generator | None = None,
    progress: Callable[[float], None] | None = None,
    **settings: object,
) -> Attribution:
    """Explains one class of one clip by one method.

    clip: (3, T, H, W) as the model reads it, normalised; an image model takes (3, H, W) too.
    target: index of the class, by default the one with the highest logit.
    generator: source of randomness for methods that draw samples; seeded with 0 by default.
    progress: called with the share of the work done, 0..1, where a method takes many steps.
    settings: those of the method's `defaults` that should differ.

    The model is left as it was found: its mode, gradients, hooks and scan order.

    Raises AttributionError, one sentence, for a method, setting, class or clip that does not fit.
    """
    chosen = find_method(method)
    complete = chosen.complete(settings)
    began = time.perf_counter()
    with torch.inference_mode(False), torch.enable_grad(), evaluation_mode(model):
        question = _question(model, clip, target, generator, progress)
        answer = chosen.function(question, **complete)
    question.progress(1.0)
    return _attribution(chosen, question, answer, complete, 1e3 * (time.perf_counter() - began))


def find_method(name: str) -> Method:
    """The method of a name; raises AttributionError naming the nearest when there is none."""
    if name not in METHODS:
        raise AttributionError(f"There is no method {name!r}; {nearest(name, METHODS)}")
    return METHODS[name]


@dataclass(frozen=True)
class Refusal:
    """Methods that cannot explain a model, and why, in one sentence."""

    methods: tuple[str, ...]
    reason: str


def fitting_methods(config: Any) -> tuple[str, ...]:
    """Names of the methods that can explain models of a configuration, in the order of METHODS."""
    refused = {name for refusal in refusals(config) for name in refusal.methods}
    return tuple(name for name in METHODS if name not in refused)


def refusals(config: Any) -> tuple[Refusal, ...]:
    """What cannot explain models of a configuration, methods with the same reason together."""
    by_reason: dict[str, list[Method]] = {}
    for method in METHODS.values():
        reason = method.refusal(config, "Each of them")
        if reason:
            by_reason.setdefault(reason, []).append(method)
    return tuple(
        Refusal(
            tuple(method.name for method in methods),
            reason if len(methods) > 1 else methods[0].refusal(config, methods[0].title),
        )
        for reason, methods in by_reason.items()
    )


def _question(model, clip, target, generator, progress) -> Question:
    batch = one_clip(model, clip)[None]
    generator = generator or torch.Generator().manual_seed(0)
    question = Question(model, batch, 0, generator, progress or (lambda share: None))
    try:
        with torch.no_grad():
            logits = question.logits(batch)[0]
    except ValueError as error:  # of a clip that has another size
        raise AttributionError(f"{str(error)[:1].upper()}{str(error)[1:]}.") from error
    return replace(question, target=_class_index(target, logits))


def _class_index(target: int | None, logits: Tensor) -> int:
    if target is None:
        return int(logits.argmax())
    if isinstance(target, bool) or not isinstance(target, int) or not 0 <= target < len(logits):
        raise AttributionError(
            f"The class must be an index from 0 to {len(logits) - 1}, got {target!r}."
        )
    return target


def _attribution(
    method: Method,
    question: Question,
    answer: Answer,
    settings: dict[str, object],
    latency_ms: float,
) -> Attribution:
    def array(x: Tensor | None) -> np.ndarray | None:
        return None if x is None else x.detach().float().cpu().numpy()

    return Attribution(
        method=method.name,
        target=question.target,
        values=array(answer.values),
        signed=answer.signed,
        pixels=array(answer.pixels),
        cls_value=answer.cls_value,
        completeness_error=answer.completeness_error,
        bias_share=answer.bias_share,
        omits=method.omits if answer.omits is None else answer.omits,
        settings={**settings, **answer.settings},
        latency_ms=latency_ms,
    )
