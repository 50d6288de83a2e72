"""What stands for "nothing there" when a part of a clip is taken away."""

import torch
import torch.nn.functional as F
from torch import Tensor

from analysis.attribution.method import AttributionError
from analysis.nearest_names import nearest
from analysis.video.preprocess import IMAGENET_MEAN, IMAGENET_STD

BASELINES: dict[str, str] = {
    "zero": "the mean colour of the training images: zero after normalisation",
    "black": "black, in the normalisation of ImageNet",
    "blur": "every frame, blurred",
}

BLUR_SHARE = 0.1
"""Deviation of the blur as a share of a frame's shorter side."""


def empty_clip(clip: Tensor, kind: str) -> Tensor:
    """A clip like `clip` (..., 3, T, H, W), normalised, without what it shows.

    kind: one of `BASELINES`. Raises AttributionError for any other.
    """
    if kind == "zero":
        return torch.zeros_like(clip)
    if kind == "black":
        black = [-mean / std for mean, std in zip(IMAGENET_MEAN, IMAGENET_STD, strict=True)]
        return clip.new_tensor(black)[:, None, None, None].expand_as(clip).clone()
    if kind == "blur":
        return _blurred(clip)
    raise AttributionError(f"There is no baseline {kind!r}; {nearest(kind, BASELINES)}")


def _blurred(clip: Tensor) -> Tensor:
    """Every frame of (..., H, W) under a Gaussian; beyond an edge its pixels go on."""
    deviation = BLUR_SHARE * min(clip.shape[-2:])
    reach = max(1, round(3 * deviation))
    offsets = torch.arange(-reach, reach + 1, device=clip.device, dtype=clip.dtype)
    taps = torch.exp(-0.5 * (offsets / deviation) ** 2)
    taps = taps / taps.sum()
    frames = F.pad(clip.reshape(-1, 1, *clip.shape[-2:]), (reach,) * 4, mode="replicate")
    across = F.conv2d(frames, taps[None, None, None])
    return F.conv2d(across, taps[None, None, :, None]).reshape(clip.shape)
