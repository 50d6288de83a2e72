"""Endless captioned clips of moving objects, fast enough to render in training."""

from dataclasses import dataclass, replace

import numpy as np

from analysis.training.camera import affine_sampling
from analysis.training.camera.camera_moves import CameraClip, CameraMoves, random_frame_times
from analysis.training.camera.camera_path import CAMERA_MOVES, CameraPath, random_camera_path
from analysis.training.camera.development import compress, develop
from analysis.training.camera.photograph_store import PhotographStore
from analysis.training.camera.viewpoint import random_viewpoint, visible_texture
from analysis.training.moving_objects.captions import caption
from analysis.training.moving_objects.composition import (
    COLOURS,
    DIRECTIONS,
    SHAPES,
    STILL,
    Composition,
    compositions,
)
from analysis.training.moving_objects.shapes import paint_shape

TRAVEL_VIEWS = (0.3, 0.7)
RADIUS_VIEWS = (0.08, 0.16)

# A camera pans and tilts by less than in the camera-move clips, or the object would be lost.
_CAMERA_SHARE = 0.45
_PLACES_TRIED = 8
_ENOUGH_TEXTURE = 5.0
_CHECKED_TIMES = np.linspace(0.0, 1.0, 9)


@dataclass(frozen=True)
class MovingShape:
    """Where an object is. Lengths are in views, angles in radians, positions in the scene.

    start, travel: position (x right, y down) at the first frame and what is added by the last.
    colour: grey levels 0 to 255.
    """

    start: np.ndarray
    travel: np.ndarray
    radius: float
    angle: float
    colour: np.ndarray

    def placements(self, times: np.ndarray, poses: np.ndarray) -> np.ndarray:
        """Screen placements (n, 4) at `times` under camera `poses` (n, 4): x, y, radius, angle."""
        offset = self.start + times[:, None] * self.travel - poses[:, :2]
        scale, turn = poses[:, 2], poses[:, 3]
        cos, sin = np.cos(turn) / scale, np.sin(turn) / scale
        x = cos * offset[:, 0] + sin * offset[:, 1]
        y = cos * offset[:, 1] - sin * offset[:, 0]
        return np.stack([x, y, self.radius / scale, self.angle - turn], axis=1)


@dataclass(frozen=True)
class ObjectClip:
    """A clip before it is drawn: what it shows, the scene with its camera, and the object."""

    composition: Composition
    scene: CameraClip
    thing: MovingShape


@dataclass(frozen=True)
class CaptionedBatch:
    """Clips uint8 (B, T, H, W, 3), one sentence for each, and what the sentences say."""

    pixels: np.ndarray
    captions: tuple[str, ...]
    compositions: tuple[Composition, ...]


class MovingObjects:
    """Renders captioned clips over a store of photographs.

    `split` is "seen" or "never_seen", see `composition.is_never_seen`; `radius_views` is the range
    of the objects' radius in views. It may be used from several
    threads at once.
    """

    labels = DIRECTIONS

    def __init__(
        self,
        store: PhotographStore,
        split: str = "seen",
        *,
        num_frames: int = 8,
        image_size: int = 64,
        radius_views: tuple[float, float] = RADIUS_VIEWS,
    ):
        self.store = store
        self.radius_views = radius_views
        self.num_frames = num_frames
        self.image_size = image_size
        self._scenes = CameraMoves(store, num_frames=num_frames, image_size=image_size)
        self._by_direction = {direction: [] for direction in DIRECTIONS}
        for composition in compositions(split):
            self._by_direction[composition.direction].append(composition)

    def batch_of(
        self, size: int, generator: np.random.Generator, difficulty: float = 1.0
    ) -> CaptionedBatch:
        """`size` clips, directions as even as possible, everything else at random.

        `difficulty` (0 to 1) scales hand shake, uneven camera speed, exposure changes, blur, noise
        and compression.
        """
        numbers = (np.arange(size) + generator.integers(len(DIRECTIONS))) % len(DIRECTIONS)
        generator.shuffle(numbers)
        shape = (size, self.num_frames, self.image_size, self.image_size, 3)
        pixels = np.empty(shape, np.uint8)
        captions, shown = [], []
        for index, number in enumerate(numbers):
            choices = self._by_direction[DIRECTIONS[number]]
            composition = choices[generator.integers(len(choices))]
            clip = self.imagine(composition, generator, difficulty)
            self.render(clip, generator, difficulty, pixels[index])
            captions.append(caption(composition, generator))
            shown.append(composition)
        return CaptionedBatch(pixels, tuple(captions), tuple(shown))

    def imagine(
        self, composition: Composition, generator: np.random.Generator, difficulty: float = 1.0
    ) -> ObjectClip:
        """A random clip of `composition`, not drawn yet.

        Of several draws the one is taken in which the object stays best within the picture, and
        of several places in the photographs the one with most to see, so that its motion against
        the scene shows.
        """
        path, thing, reach = None, None, np.inf
        for _ in range(_PLACES_TRIED):
            new_path = _random_path(composition.camera, generator, difficulty)
            new_thing = _random_thing(composition, new_path, self.radius_views, generator)
            furthest = _reach(new_thing, new_path)
            if furthest < reach:
                path, thing, reach = new_path, new_thing, furthest
            if reach < 0.5:
                break
        return ObjectClip(composition, self._random_scene(path, generator), thing)

    def _random_scene(self, path: CameraPath, generator: np.random.Generator) -> CameraClip:
        best, best_texture = None, -1.0
        for _ in range(_PLACES_TRIED):
            photograph = int(generator.integers(len(self.store)))
            size = self.store.size(photograph)
            viewpoint = random_viewpoint(path, photograph, size, generator)
            texture = visible_texture(self.store, viewpoint, path)
            if texture > best_texture:
                best, best_texture = viewpoint, texture
            if texture > _ENOUGH_TEXTURE:
                break
        return CameraClip(CAMERA_MOVES.index(path.move), path, best, ())

    def render(
        self,
        clip: ObjectClip,
        generator: np.random.Generator,
        difficulty: float,
        pixels: np.ndarray,
    ) -> None:
        """Draw `clip` into `pixels`, uint8 (T, H, W, 3), at times as a sampled video has them."""
        times, spacing = random_frame_times(self.num_frames, generator)
        self._develop(clip, times, spacing, generator, difficulty, pixels)

    def film(self, clip: ObjectClip, generator: np.random.Generator, pixels: np.ndarray) -> None:
        """Draw all frames of `clip` into `pixels`, uint8 (T, H, W, 3), at full difficulty."""
        times = np.linspace(0.0, 1.0, self.num_frames)
        self._develop(clip, times, 1 / (self.num_frames - 1), generator, 1.0, pixels)

    def _develop(self, clip, times, spacing, generator, difficulty, pixels) -> None:
        frames = np.empty(pixels.shape, np.float32)
        self._scenes.draw(clip.scene, times, spacing, generator, frames)
        size = self.image_size
        placements = clip.thing.placements(times, clip.scene.path.poses(times))
        placements[:, :2] = (placements[:, :2] + 0.5) * size - 0.5
        placements[:, 2] *= size
        shape = SHAPES.index(clip.composition.shape)
        paint_shape(shape, placements, clip.thing.colour.astype(np.float32), frames)
        if generator.random() < 0.3 * difficulty:
            weight = np.float32(generator.uniform(0.02, 0.2))
            affine_sampling.blur(frames, weight, np.empty(pixels.shape[1:], np.float32))
        # Strong changes of colour would make captions wrong.
        develop(frames, times, generator, 0.4 * difficulty, pixels)
        if generator.random() < 0.25 * difficulty:
            compress(pixels, int(generator.integers(25, 85)))


def _random_path(move: str, generator: np.random.Generator, difficulty: float) -> CameraPath:
    path = random_camera_path(move, generator, difficulty)
    x, y = path.shift
    return replace(path, shift=(_CAMERA_SHARE * x, _CAMERA_SHARE * y))


def _random_thing(
    composition: Composition,
    path: CameraPath,
    radius_views: tuple[float, float],
    generator: np.random.Generator,
) -> MovingShape:
    """An object that is near the middle of the picture half way through the clip."""
    step = np.zeros(2)
    if composition.direction != STILL:
        # "right" is 1, and every number after it an eighth of a turn further to the left.
        angle = (DIRECTIONS.index(composition.direction) - 1) * np.pi / 4
        angle += np.clip(generator.normal(0.0, 0.06), -0.15, 0.15)
        step = generator.uniform(*TRAVEL_VIEWS) * np.array([np.cos(angle), -np.sin(angle)])
    (pose,) = path.poses(np.array([0.5]))
    cos, sin = pose[2] * np.cos(pose[3]), pose[2] * np.sin(pose[3])
    middle = generator.uniform(-0.3, 0.3, 2)
    place = pose[:2] + np.array([[cos, -sin], [sin, cos]]) @ middle
    colour = COLOURS[composition.colour] + generator.normal(0.0, 8.0, 3)
    return MovingShape(
        start=place - step / 2,
        travel=step,
        radius=generator.uniform(*radius_views) * pose[2],
        angle=np.clip(generator.normal(0.0, 0.12), -0.3, 0.3),
        colour=np.clip(colour, 0.0, 255.0),
    )


def _reach(thing: MovingShape, path: CameraPath) -> float:
    """How far from the middle of the picture, in views, the object's centre gets in x or y."""
    placements = thing.placements(_CHECKED_TIMES, path.poses(_CHECKED_TIMES))
    return float(np.abs(placements[:, :2]).max())
