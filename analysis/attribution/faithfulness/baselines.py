"""What stands in a clip where something was removed. No choice is neutral, so there are several."""

from collections.abc import Callable

import torch
from torch import Tensor

from analysis.attribution.baselines import blurred
from analysis.attribution.method import AttributionError


def _zero(clip: Tensor, other: Tensor | None) -> Tensor:
    return torch.zeros_like(clip)


def _blur(clip: Tensor, other: Tensor | None) -> Tensor:
    return blurred(clip)


def _frame_repeat(clip: Tensor, other: Tensor | None) -> Tensor:
    return clip[:, :1].expand_as(clip).clone()


def _other_clip(clip: Tensor, other: Tensor | None) -> Tensor:
    if other is None or other.shape != clip.shape:
        found = "none" if other is None else f"one of {tuple(other.shape)}"
        raise AttributionError(
            f"The baseline other_clip needs another clip of {tuple(clip.shape)}, got {found}."
        )
    return other.to(clip)


BASELINES: dict[str, tuple[str, Callable[[Tensor, Tensor | None], Tensor]]] = {
    "zero": ("the mean colour of the training data", _zero),
    "blur": ("the frame, blurred", _blur),
    "frame_repeat": ("the first frame, standing still", _frame_repeat),
    "other_clip": ("another clip", _other_clip),
}
"""What is put in, in words, and how it is made."""

TOKEN_DROP = "token_drop"
"""Nothing is put in: the tokens are left out and the sequence gets shorter, so that what is left
moves together in every scan. Its numbers do not compare with those of baselines."""

REMOVALS: tuple[str, ...] = (*BASELINES, TOKEN_DROP)


def baseline_clip(name: str, clip: Tensor, other: Tensor | None = None) -> Tensor:
    """What replaces removed parts of a normalised clip (3, T, H, W), in the same shape.

    `other` is the clip that "other_clip" takes. Raises AttributionError for an unknown name, or
    where that clip is missing.
    """
    if name not in BASELINES:
        raise AttributionError(
            f"There is no baseline {name!r}; choose one of {', '.join(BASELINES)}."
        )
    return BASELINES[name][1](clip, other)
