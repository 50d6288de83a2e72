"""Photographs laid out for fast sampling: every size of every photograph in one array."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from analysis.training.camera.photographs import Photograph

SMALLEST_LEVEL = 48


@dataclass(frozen=True)
class PhotographStore:
    """Mip-mapped photographs: level k of a photograph is 2**k times smaller than level 0.

    `texels` is uint32 (N,), rows of all levels one after another; a pixel holds red in its lowest
    byte, then green, then blue. `levels[i]` is an int64 array (number of levels, 3) with
    offset, width and height for photograph i.
    """

    texels: np.ndarray
    levels: tuple[np.ndarray, ...]

    def __len__(self) -> int:
        return len(self.levels)

    def size(self, index: int) -> tuple[int, int]:
        """Width and height in pixels of photograph `index` at level 0."""
        _, width, height = self.levels[index][0]
        return int(width), int(height)

    def level_for(self, index: int, step: float) -> int:
        """Level at which `step` level-0 pixels per output pixel become about one."""
        wanted = round(np.log2(max(step, 1.0)))
        return int(min(wanted, len(self.levels[index]) - 1))

    @classmethod
    def build(cls, photographs: Sequence[Photograph]) -> "PhotographStore":
        """Store all `photographs` with their halvings down to about 48 pixels."""
        if not photographs:
            raise ValueError("No photographs were given: a store needs at least one.")
        blocks, levels, offset = [], [], 0
        for photograph in photographs:
            table = []
            for pixels in _halvings(photograph.pixels):
                height, width = pixels.shape[:2]
                channels = pixels.reshape(-1, 3).astype(np.uint32)
                blocks.append(channels @ np.array([1, 1 << 8, 1 << 16], np.uint32))
                table.append((offset, width, height))
                offset += height * width
            levels.append(np.array(table, np.int64))
        return cls(np.concatenate(blocks), tuple(levels))


def _halvings(pixels: np.ndarray):
    image = Image.fromarray(pixels)
    while True:
        yield np.asarray(image)
        if min(image.size) < 2 * SMALLEST_LEVEL:
            return
        image = image.reduce(2)
