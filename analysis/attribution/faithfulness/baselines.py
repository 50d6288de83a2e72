"""What stands in a clip where something was removed. No choice is neutral, so there are several."""

from torch import Tensor

from analysis.attribution.baselines import empty_clip
from analysis.attribution.method import AttributionError

BASELINES: dict[str, str] = {
    "zero": "the mean colour of the training data",
    "blur": "the frame, blurred",
    "frame_repeat": "the first frame, standing still",
    "other_clip": "another clip",
}
"""What is put in, in words."""

TOKEN_DROP = "token_drop"
"""Nothing is put in: the tokens are left out and the sequence gets shorter, so that what is left
moves together in every scan. Its numbers do not compare with those of baselines."""

REMOVALS: tuple[str, ...] = (*BASELINES, TOKEN_DROP)


def baseline_clip(clip: Tensor, name: str, other: Tensor | None = None) -> Tensor:
    """What replaces removed parts of a normalised clip (3, T, H, W), in the same shape.

    `other` is the clip that "other_clip" takes. Raises AttributionError for an unknown name, where
    that clip is missing, and for the first frame of a picture, which would replace nothing.
    """
    if name not in BASELINES:
        raise AttributionError(
            f"There is no baseline {name!r}; choose one of {', '.join(BASELINES)}."
        )
    if name == "frame_repeat":
        if clip.shape[1] == 1:
            raise AttributionError(
                "The first frame of a single one is the picture itself; choose zero, blur or "
                "other_clip."
            )
        return clip[:, :1].expand_as(clip).clone()
    return _checked(clip, other) if name == "other_clip" else empty_clip(clip, name)


def _checked(clip: Tensor, other: Tensor | None) -> Tensor:
    if other is None or other.shape != clip.shape:
        found = "none" if other is None else f"one of {tuple(other.shape)}"
        raise AttributionError(
            f"The baseline other_clip needs another clip of {tuple(clip.shape)}, got {found}."
        )
    return other.to(clip)
