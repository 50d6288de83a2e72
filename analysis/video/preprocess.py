"""From frames to what a model is fed, and back to what it saw.

Scaling is done by torch on uint8 with antialiasing. On uint8 it rounds after each pass exactly
as Pillow does (equal within one grey level), which is what the published image evaluation uses,
and it takes whole clips at once. The published video loader scales by OpenCV without
antialiasing; on data sets stored at nearly the model's size that hardly differs, but on a phone
clip it would alias, so antialiasing is used throughout.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F

from analysis.video.sampling import Crop

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)
COLOURS = {"imagenet": (IMAGENET_MEAN, IMAGENET_STD), "clip": (CLIP_MEAN, CLIP_STD)}
"""Mean and standard deviation of the pixels that models were trained on, by name."""


@dataclass(frozen=True)
class Preprocessing:
    """How frames become the input of a model.

    image_size: height and width of the input in pixels.
    resize: "short_side" keeps the aspect ratio and then crops; "squash" scales straight to a
        square.
    crop_fraction: part of the scaled short side that the crop keeps, above 0 and up to 1.
    interpolation: filter of the scaling.
    mean, std: per RGB channel, for values in 0..1.
    """

    image_size: int
    resize: Literal["short_side", "squash"] = "short_side"
    crop_fraction: float = 1.0
    interpolation: Literal["bilinear", "bicubic"] = "bilinear"
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD

    def __post_init__(self) -> None:
        if self.image_size < 1 or not 0 < self.crop_fraction <= 1:
            raise ValueError(
                f"Got image_size {self.image_size} and crop_fraction {self.crop_fraction}; "
                "use a size of 1 or more and a fraction above 0 and up to 1."
            )
        if self.resize not in ("short_side", "squash"):
            raise ValueError(f'Got resize "{self.resize}"; use "short_side" or "squash".')

    @property
    def short_side(self) -> int:
        """Pixels of the shorter side after scaling: the size worth decoding to."""
        return int(self.image_size / self.crop_fraction)


def video_preprocessing(image_size: int = 224) -> Preprocessing:
    """The published video test rule: short side to the crop size, bilinear."""
    return Preprocessing(image_size)


def image_preprocessing(image_size: int = 224) -> Preprocessing:
    """The published image evaluation rule: short side to size / 0.875, bicubic, centre crop."""
    return Preprocessing(image_size, crop_fraction=0.875, interpolation="bicubic")


def retrieval_preprocessing(image_size: int = 224) -> Preprocessing:
    """The published retrieval rule: straight to a square, bicubic, aspect ratio not kept."""
    return Preprocessing(image_size, resize="squash", interpolation="bicubic")


def clip_preprocessing(image_size: int = 224) -> Preprocessing:
    """The rule of the published CLIP: short side to size, bicubic, centre crop, its own colours."""
    return Preprocessing(image_size, interpolation="bicubic", mean=CLIP_MEAN, std=CLIP_STD)


def to_clip(
    frames: np.ndarray, preprocessing: Preprocessing, crop: Crop = "center"
) -> torch.Tensor:
    """Input of a model: float32 tensor (3, T, image_size, image_size), normalised.

    frames: uint8 (T, H, W, 3) RGB of any size.
    crop: "center", or 0, 1, 2 for left, middle, right along the wider side (top, middle, bottom
        of an upright clip), at int(crop * (long - size) / 2). With "squash" all are the same.
    Raises ValueError for another shape, type or crop.
    """
    pixels = crop_frames(frames, preprocessing, crop).to(torch.float32).div_(255)
    mean, std = _per_channel(preprocessing)
    return pixels.sub_(mean).div_(std).permute(1, 0, 2, 3).contiguous()


def to_pixels(clip: torch.Tensor, preprocessing: Preprocessing) -> np.ndarray:
    """What the model saw: uint8 (T, H, W, 3) RGB from a normalised clip (3, T, H, W)."""
    if clip.ndim != 4 or clip.shape[0] != 3:
        raise ValueError(f"Got a clip of shape {tuple(clip.shape)}; (3, T, H, W) was expected.")
    mean, std = _per_channel(preprocessing)
    frames = clip.detach().to("cpu", torch.float32).permute(1, 0, 2, 3) * std + mean
    return frames.mul(255).round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).numpy()


def crop_frames(frames: np.ndarray, preprocessing: Preprocessing, crop: Crop) -> torch.Tensor:
    """Scaled and cropped frames: uint8 (T, 3, image_size, image_size). Errors as `to_clip`."""
    if crop not in ("center", 0, 1, 2):
        raise ValueError(f'Got crop {crop!r}; use "center", 0, 1 or 2.')
    if frames.ndim != 4 or frames.shape[-1] != 3 or frames.dtype != np.uint8 or 0 in frames.shape:
        raise ValueError(
            f"Got frames of shape {frames.shape} and type {frames.dtype}; "
            "uint8 (T, H, W, 3) was expected."
        )
    size = preprocessing.image_size
    scaled = _scale(torch.from_numpy(np.ascontiguousarray(frames)), preprocessing)
    height, width = scaled.shape[-2:]
    top, left = _center_offset(height - size), _center_offset(width - size)
    if crop != "center" and width >= height:
        left = int(crop * (width - size) / 2)
    elif crop != "center":
        top = int(crop * (height - size) / 2)
    return scaled[..., top : top + size, left : left + size]


def _scale(frames: torch.Tensor, preprocessing: Preprocessing) -> torch.Tensor:
    """(T, H, W, 3) to (T, 3, H', W'), without copying where the size already fits."""
    height, width = frames.shape[1:3]
    short = preprocessing.short_side
    if preprocessing.resize == "squash":
        target = (short, short)
    elif height <= width:
        target = (short, int(width * short / height))
    else:
        target = (int(height * short / width), short)
    channels_first = frames.permute(0, 3, 1, 2)
    if target == (height, width):
        return channels_first
    return F.interpolate(channels_first, target, mode=preprocessing.interpolation, antialias=True)


def _center_offset(spare: int) -> int:
    """Rounds half a pixel to the even side, as the published centre crop does."""
    return round(spare / 2)


def _per_channel(preprocessing: Preprocessing) -> tuple[torch.Tensor, torch.Tensor]:
    mean = torch.tensor(preprocessing.mean).view(1, 3, 1, 1)
    return mean, torch.tensor(preprocessing.std).view(1, 3, 1, 1)
