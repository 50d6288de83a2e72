"""Methods that follow the gradient of a logit to the pixels, by Captum."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from analysis.attribution.baselines import BASELINES, empty_clip
from analysis.attribution.method import Answer, Method, Question, relative_error, whole_number

_GLOBAL_RANDOMNESS = threading.Lock()


def saliency(question: Question) -> Answer:
    """Magnitude of the gradient of the logit with respect to each pixel value."""
    from captum.attr import Saliency

    clip = question.clip.clone().requires_grad_()
    gradient = Saliency(question.logits).attribute(clip, target=question.target)
    return question.from_pixels(gradient, signed=False)


def input_x_gradient(question: Question) -> Answer:
    """Pixel value times gradient, on the normalised clip: zero is the mean colour."""
    from captum.attr import InputXGradient

    clip = question.clip.clone().requires_grad_()
    relevance = InputXGradient(question.logits).attribute(clip, target=question.target)
    return question.from_pixels(relevance, signed=True)


def integrated_gradients(
    question: Question, *, baseline: str, n_steps: int, internal_batch_size: int
) -> Answer:
    """Gradients along the straight way from a baseline to the clip, times the difference.

    They sum to f(clip) - f(baseline); what Captum calls the convergence delta, relative to that
    difference, is the completeness error. `n_steps` points of Gauss-Legendre quadrature, taken
    `internal_batch_size` at a time.
    """
    from captum.attr import IntegratedGradients

    n_steps = whole_number(n_steps, "n_steps", least=2)
    start = empty_clip(question.clip, baseline)
    relevance, delta = IntegratedGradients(question.counting_logits(n_steps + 2)).attribute(
        question.clip.clone().requires_grad_(),
        baselines=start,
        target=question.target,
        n_steps=n_steps,
        internal_batch_size=whole_number(internal_batch_size, "internal_batch_size"),
        return_convergence_delta=True,
    )
    difference = _logit_above(question, start)
    return question.from_pixels(
        relevance,
        signed=True,
        completeness_error=relative_error(difference + float(delta), difference),
        settings={"logit_above_baseline": difference},
    )


def gradient_shap(
    question: Question, *, n_samples: int, noise: float, internal_batch_size: int
) -> Answer:
    """Expected gradients: over random points between the clip and a random one of `BASELINES`.

    `noise`: deviation of Gaussian noise added to the clip, in normalised units. In expectation the
    values sum to f(clip) minus the mean of f over the baselines; the completeness error holds the
    error of sampling too.
    """
    from captum.attr import GradientShap

    n_samples = whole_number(n_samples, "n_samples")
    at_once = whole_number(internal_batch_size, "internal_batch_size")
    baselines = torch.cat([empty_clip(question.clip, kind) for kind in BASELINES])
    method = GradientShap(question.counting_logits(n_samples))
    total = torch.zeros_like(question.clip)
    with _seeded(question):
        for first in range(0, n_samples, at_once):
            samples = min(at_once, n_samples - first)
            mean = method.attribute(
                question.clip.clone().requires_grad_(),
                baselines,
                n_samples=samples,
                stdevs=float(noise),
                target=question.target,
            )
            total += samples / n_samples * mean
    difference = _logit_above(question, baselines)
    return question.from_pixels(
        total,
        signed=True,
        completeness_error=relative_error(float(total.sum()), difference),
        settings={"baselines": tuple(BASELINES), "logit_above_baseline": difference},
    )


@torch.no_grad()
def _logit_above(question: Question, baselines: Tensor) -> float:
    """The logit of the clip minus the mean logit of `baselines` (B, 3, T, H, W)."""
    logits = question.logits(torch.cat([question.clip, baselines]))[:, question.target].double()
    return float(logits[0] - logits[1:].mean())


@contextmanager
def _seeded(question: Question) -> Iterator[None]:
    """The global generators, which are all that Captum draws from, seeded and put back after."""
    seed = int(torch.randint(2**31, (1,), generator=question.generator))
    device = question.clip.device
    devices = [device] if device.type == "cuda" else []
    with _GLOBAL_RANDOMNESS, torch.random.fork_rng(devices):
        found = np.random.get_state()
        torch.manual_seed(seed)
        np.random.seed(seed)
        try:
            yield
        finally:
            np.random.set_state(found)


METHODS = (
    Method(
        "saliency",
        "Saliency",
        "gradient",
        "How much the logit answers to a small change of each pixel.",
        "arXiv 1312.6034",
        saliency,
        omits=("the sign", "everything but a small change"),
    ),
    Method(
        "input_x_gradient",
        "Input x gradient",
        "gradient",
        "Each pixel's value, counted from the mean colour, times the logit's gradient there.",
        "arXiv 1605.01713",
        input_x_gradient,
        omits=("everything but a small change",),
    ),
    Method(
        "integrated_gradients",
        "Integrated gradients",
        "gradient",
        "Gradients added up on the way from an empty clip to this one; they sum to the rise of "
        "the logit.",
        "arXiv 1703.01365",
        integrated_gradients,
        {"baseline": "zero", "n_steps": 50, "internal_batch_size": 8},
        choices={"baseline": tuple(BASELINES)},
    ),
    Method(
        "gradient_shap",
        "Gradient SHAP",
        "gradient",
        "Gradients at random points between this clip and empty ones, averaged.",
        "arXiv 1705.07874",
        gradient_shap,
        {"n_samples": 64, "noise": 0.0, "internal_batch_size": 8},
    ),
)
