"""Occlusion of tubelets, by Captum."""

import torch

from analysis.attribution.baselines import BASELINES, empty_clip
from analysis.attribution.method import Answer, AttributionError, Method, Question, whole_number


def occlusion(
    question: Question, *, baseline: str, window: tuple[int, int, int], internal_batch_size: int
) -> Answer:
    """The fall of the logit when the tubelets of a window are replaced by a baseline.

    `window`: frames, rows and columns of tokens replaced at once; windows lie side by side, and
    the fall is shared equally among the tokens of one, and then among the pixels of a token.
    """
    from captum.attr import Occlusion

    sides = _window(window, question)
    grid, tubelet = question.model.token_grid, question.tubelet
    shape = (grid.t, grid.h, grid.w)
    windows = [-(-length // side) for length, side in zip(shape, sides, strict=True)]
    covered = tuple(side * pixels for side, pixels in zip(sides, tubelet, strict=True))
    at_once = whole_number(internal_batch_size, "internal_batch_size")
    fall = Occlusion(question.counting_logits(1 + torch.Size(windows).numel())).attribute(
        question.clip,
        sliding_window_shapes=(3, *covered),
        strides=(3, *covered),
        baselines=empty_clip(question.clip, baseline),
        target=question.target,
        perturbations_per_eval=at_once,
    )
    values = fall[0, 0, :: tubelet[0], :: tubelet[1], :: tubelet[2]]
    for axis, (length, side) in enumerate(zip(shape, sides, strict=True)):
        place = torch.arange(length, device=values.device) // side
        shared = torch.bincount(place)[place].to(values.dtype)
        values = values / shared.view([-1 if k == axis else 1 for k in range(3)])
    pixels = values / torch.Size(tubelet).numel()
    for axis, repeats in enumerate(tubelet):
        pixels = pixels.repeat_interleave(repeats, dim=axis)
    return Answer(values, signed=True, pixels=pixels)


def _window(window: object, question: Question) -> tuple[int, int, int]:
    """The window cut to the token grid."""
    if not isinstance(window, tuple | list) or len(window) != 3:
        raise AttributionError(
            f"window must be three whole numbers (frames, rows, columns of tokens), got {window!r}."
        )
    grid = question.model.token_grid
    sides = (whole_number(side, "each side of window") for side in window)
    return tuple(min(pair) for pair in zip(sides, (grid.t, grid.h, grid.w), strict=True))


METHODS = (
    Method(
        "occlusion",
        "Occlusion",
        "perturbation",
        "How far the logit falls when a tubelet is taken out of the clip.",
        "arXiv 1311.2901",
        occlusion,
        {"baseline": "zero", "window": (1, 1, 1), "internal_batch_size": 16},
        omits=("what several tubelets do together",),
        choices={"baseline": tuple(BASELINES)},
    ),
)
