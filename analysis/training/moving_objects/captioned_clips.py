"""Captioned clips to learn retrieval from: moving objects, and scenes without one."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from analysis.training.camera.camera_moves import CameraMoves
from analysis.training.camera.camera_path import CAMERA_MOVES
from analysis.training.camera.photograph_store import PhotographStore
from analysis.training.moving_objects.captions import camera_caption, caption, name
from analysis.training.moving_objects.composition import Composition, compositions
from analysis.training.moving_objects.moving_objects import MovingObjects

# Larger than where only the direction is asked for: a shape has to be told in 64 pixels.
RADIUS_VIEWS = (0.15, 0.25)
_NAMED_SHARE = 0.1


@dataclass(frozen=True)
class CaptionedClip:
    """Pixels uint8 (T, H, W, 3), a sentence that is true of them, and what the sentence says."""

    pixels: np.ndarray
    caption: str
    composition: Composition


class CaptionedClips:
    """Renders clips with a sentence each over a store of photographs.

    Compositions are those of `split`, see `composition.is_never_seen`. It may be used from several
    threads at once.
    """

    def __init__(
        self,
        store: PhotographStore,
        split: str = "seen",
        *,
        num_frames: int = 8,
        image_size: int = 64,
    ):
        size = {"num_frames": num_frames, "image_size": image_size}
        self._split = split
        self._objects = MovingObjects(store, split, radius_views=RADIUS_VIEWS, **size)
        self._scenes = CameraMoves(store, **size)

    def batch_of(
        self,
        size: int,
        generator: np.random.Generator,
        difficulty: float = 1.0,
        scenes_share: float = 0.2,
    ) -> tuple[np.ndarray, tuple[str, ...]]:
        """`size` clips uint8 (B, T, H, W, 3), with a sentence each.

        In `scenes_share` of them only the camera moves, and some of the others are only named, as
        people who search do. `difficulty` (0 to 1) as for both kinds.
        """
        scenes = round(scenes_share * size)
        moving = self._objects.batch_of(size - scenes, generator, difficulty)
        pixels, moves = self._scenes.batch(scenes, generator, difficulty)
        alone = (camera_caption(CAMERA_MOVES[move], generator) for move in moves)
        said = (
            name(composition) if generator.random() < _NAMED_SHARE else sentence
            for composition, sentence in zip(moving.compositions, moving.captions, strict=True)
        )
        captions, order = (*said, *alone), generator.permutation(size)
        return np.concatenate([moving.pixels, pixels])[order], tuple(captions[n] for n in order)

    def different(
        self, count: int, generator: np.random.Generator, film: bool = False
    ) -> Iterator[CaptionedClip]:
        """`count` clips of full difficulty, no two of the same composition.

        They have the frames that a model is shown, or with `film` all those of a video, from the
        first moment to the last. Raises ValueError where the split has fewer.
        """
        every = compositions(self._split)
        if count > len(every):
            raise ValueError(f"{count} compositions were asked for; there are {len(every)}")
        chosen = [every[n] for n in generator.choice(len(every), count, replace=False)]
        return (self._clip(composition, generator, film) for composition in chosen)

    def _clip(
        self, composition: Composition, generator: np.random.Generator, film: bool
    ) -> CaptionedClip:
        objects = self._objects
        pixels = np.empty((objects.num_frames, *2 * [objects.image_size], 3), np.uint8)
        imagined = objects.imagine(composition, generator)
        if film:
            objects.film(imagined, generator, pixels)
        else:
            objects.render(imagined, generator, 1.0, pixels)
        return CaptionedClip(pixels, caption(composition, generator), composition)
