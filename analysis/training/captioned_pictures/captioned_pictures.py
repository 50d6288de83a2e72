"""Endless captioned pictures, fast enough to render in training."""

from dataclasses import dataclass

import numpy as np

from analysis.training.camera import affine_sampling
from analysis.training.camera.camera_moves import CameraMoves
from analysis.training.camera.development import compress, develop
from analysis.training.camera.photograph_store import PhotographStore
from analysis.training.captioned_pictures.picture_words import (
    SIZES,
    Thing,
    caption,
    random_things,
)
from analysis.training.moving_objects.composition import COLOURS, SHAPES
from analysis.training.moving_objects.shapes import paint_shape
from analysis.video.labels import label_names

_STILL = label_names("camera_moves").index("static")
_CELL_VIEWS = 0.3
_PAIR_SHARE = 0.5


@dataclass(frozen=True)
class PictureBatch:
    """Pictures uint8 (B, H, W, 3), a sentence for each, and what is to be seen."""

    pixels: np.ndarray
    captions: tuple[str, ...]
    things: tuple[tuple[Thing, ...], ...]


class CaptionedPictures:
    """Renders one or two shapes in front of photographs; see `picture_words` for the splits.

    It may be used from several threads at once.
    """

    def __init__(self, store: PhotographStore, split: str = "seen", *, image_size: int = 64):
        self.split, self.image_size = split, image_size
        self._scenes = CameraMoves(store, num_frames=1, image_size=image_size)

    def batch_of(
        self,
        size: int,
        generator: np.random.Generator,
        difficulty: float = 1.0,
        pair_share: float = _PAIR_SHARE,
    ) -> PictureBatch:
        """`size` pictures, `pair_share` of them (at random) with two things.

        `difficulty` (0 to 1) scales exposure changes, blur, noise and compression.
        """
        pixels = np.empty((size, self.image_size, self.image_size, 3), np.uint8)
        captions, shown = [], []
        for picture in pixels:
            count = 2 if generator.random() < pair_share else 1
            things = random_things(self.split, count, generator)
            self._render(things, generator, difficulty, picture[None])
            captions.append(caption(things, generator))
            shown.append(things)
        return PictureBatch(pixels, tuple(captions), tuple(shown))

    def _render(self, things, generator, difficulty, pixels) -> None:
        """Draw into `pixels`, uint8 (1, H, W, 3)."""
        frames, time = np.empty(pixels.shape, np.float32), np.array([0.5])
        scene = self._scenes.imagine(_STILL, generator, 0.0)
        self._scenes.draw(scene, time, 0.0, generator, frames)
        for thing in things:
            self._paint(thing, generator, frames)
        if generator.random() < 0.3 * difficulty:
            weight = np.float32(generator.uniform(0.02, 0.2))
            affine_sampling.blur(frames, weight, np.empty(pixels.shape[1:], np.float32))
        # Strong changes of colour would make captions wrong.
        develop(frames, time, generator, 0.4 * difficulty, pixels)
        if generator.random() < 0.25 * difficulty:
            compress(pixels, int(generator.integers(25, 85)))

    def _paint(self, thing: Thing, generator: np.random.Generator, frames: np.ndarray) -> None:
        size = self.image_size
        cell = np.array([thing.column, thing.row]) - 1
        x, y = cell * _CELL_VIEWS + generator.uniform(-0.05, 0.05, 2)
        radius = generator.uniform(*SIZES[thing.size])
        angle = np.clip(generator.normal(0.0, 0.12), -0.3, 0.3)
        place = ((x + 0.5) * size - 0.5, (y + 0.5) * size - 0.5, radius * size, angle)
        colour = np.clip(COLOURS[thing.colour] + generator.normal(0.0, 8.0, 3), 0.0, 255.0)
        placements = np.array([place])
        paint_shape(SHAPES.index(thing.shape), placements, colour.astype(np.float32), frames)
