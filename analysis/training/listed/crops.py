"""Random parts of frames, the same part in all frames of a clip."""

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

_ATTEMPTS = 10
_MULTI_SCALES = (1.0, 0.875, 0.75, 0.66)
# Offsets in quarters of the room that is left: corners, edges, centre, and the points between.
_PLACES = tuple((x, y) for x in range(5) for y in range(5) if x % 2 == y % 2)


@dataclass(frozen=True)
class Box:
    """A part of a frame, in pixels."""

    top: int
    left: int
    height: int
    width: int


def resized_crop(
    height: int,
    width: int,
    scale: tuple[float, float],
    aspect: tuple[float, float],
    generator: np.random.Generator,
) -> Box:
    """A box of `scale` of the area and `aspect` (width over height, log-uniform), anywhere.

    Where none fits in ten attempts, the largest box of nearly that aspect in the middle
    (Inception crop, as torchvision and timm do it).
    """
    low, high = math.log(aspect[0]), math.log(aspect[1])
    for _ in range(_ATTEMPTS):
        area = height * width * generator.uniform(*scale)
        ratio = math.exp(generator.uniform(low, high))
        w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < w <= width and 0 < h <= height:
            top = int(generator.integers(height - h + 1))
            return Box(top, int(generator.integers(width - w + 1)), h, w)
    ratio = min(max(width / height, aspect[0]), aspect[1])
    h, w = min(height, round(width / ratio)), min(width, round(height * ratio))
    return Box((height - h) // 2, (width - w) // 2, h, w)


def multi_scale_crop(height: int, width: int, generator: np.random.Generator) -> Box:
    """A box with sides of 1, .875, .75 or .66 of the short side, at one of 13 places.

    Both sides take the same or neighbouring scales (Temporal Segment Networks, arXiv 1608.00859).
    """
    scales = range(len(_MULTI_SCALES))
    pairs = [(i, j) for i in scales for j in scales if abs(i - j) <= 1]
    sizes = [int(min(height, width) * scale) for scale in _MULTI_SCALES]
    i, j = pairs[generator.integers(len(pairs))]
    x, y = _PLACES[generator.integers(len(_PLACES))]
    h, w = max(1, sizes[i]), max(1, sizes[j])
    return Box((height - h) // 4 * y, (width - w) // 4 * x, h, w)


def cut(frames: np.ndarray, box: Box, size: int) -> np.ndarray:
    """The box of frames uint8 (T, H, W, 3), scaled to (T, size, size, 3), with antialiasing."""
    part = frames[:, box.top : box.top + box.height, box.left : box.left + box.width]
    if part.shape[1:3] == (size, size):
        return part
    channels_first = torch.from_numpy(np.ascontiguousarray(part)).permute(0, 3, 1, 2)
    scaled = F.interpolate(channels_first, (size, size), mode="bilinear", antialias=True)
    return scaled.permute(0, 2, 3, 1).numpy()
