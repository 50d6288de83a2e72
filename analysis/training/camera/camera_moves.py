"""Labelled, endless clips of camera moves over photographs, fast enough to render in training."""

from dataclasses import dataclass

import numpy as np

from analysis.training.camera import affine_sampling
from analysis.training.camera.camera_path import CAMERA_MOVES, CameraPath, random_camera_path
from analysis.training.camera.development import compress, develop
from analysis.training.camera.moving_object import MovingObject, random_objects
from analysis.training.camera.photograph_store import PhotographStore
from analysis.training.camera.viewpoint import Viewpoint, random_viewpoint, visible_texture
from analysis.video.sampling import (
    k400_validation_indices,
    ssv2_validation_indices,
    uniform_indices,
)

_SAMPLING_RULES = (uniform_indices, k400_validation_indices, ssv2_validation_indices)

_PLACES_TRIED = 8
_ENOUGH_TEXTURE = 5.0

# Position of sampling taps inside an output pixel: one, two or four, as resizers differ.
_TAPS = {
    1: np.zeros((1, 2)),
    2: np.array([[-0.25, -0.25], [0.25, 0.25]]),
    4: np.array([[-0.3, -0.1], [0.1, -0.3], [0.3, 0.1], [-0.1, 0.3]]),
}


@dataclass(frozen=True)
class CameraClip:
    """A clip before it is drawn: where the camera stands over which photograph, and what moves."""

    label: int
    path: CameraPath
    viewpoint: Viewpoint
    objects: tuple[MovingObject, ...]


class CameraMoves:
    """Renders labelled clips from a store of photographs.

    `difficulty` (0 to 1) scales everything that is not the labelled move: hand shake, drift,
    foreground objects, exposure changes, blur, noise and compression.
    """

    def __init__(self, store: PhotographStore, *, num_frames: int = 8, image_size: int = 64):
        self.store = store
        self.num_frames = num_frames
        self.image_size = image_size

    def batch(
        self, size: int, generator: np.random.Generator, difficulty: float = 1.0
    ) -> tuple[np.ndarray, np.ndarray]:
        """`size` clips uint8 (B, T, H, W, 3) and labels int64 (B,), classes as even as possible."""
        classes = len(CAMERA_MOVES)
        labels = (np.arange(size) + generator.integers(classes)) % classes
        generator.shuffle(labels)
        shape = (size, self.num_frames, self.image_size, self.image_size, 3)
        pixels = np.empty(shape, np.uint8)
        for index, label in enumerate(labels):
            clip = self.imagine(int(label), generator, difficulty)
            self.render(clip, generator, difficulty, pixels[index])
        return pixels, labels.astype(np.int64)

    def imagine(
        self,
        label: int,
        generator: np.random.Generator,
        difficulty: float = 1.0,
        extent: tuple[float, float] = (1.0, 1.0),
    ) -> CameraClip:
        """A random clip of class `label`, not drawn yet.

        `extent` is width and height of its frames in views, where the short side is 1. A move
        over an empty sky cannot be seen, so that places are drawn until one has texture.
        """
        path = random_camera_path(CAMERA_MOVES[label], generator, difficulty)
        best, best_texture = None, -1.0
        for _ in range(_PLACES_TRIED):
            photograph = int(generator.integers(len(self.store)))
            size = self.store.size(photograph)
            viewpoint = random_viewpoint(path, photograph, size, generator, extent)
            texture = visible_texture(self.store, viewpoint, path)
            if texture > best_texture:
                best, best_texture = viewpoint, texture
            if texture > _ENOUGH_TEXTURE:
                break
        objects = random_objects(len(self.store), generator, difficulty)
        return CameraClip(label, path, best, objects)

    def render(
        self,
        clip: CameraClip,
        generator: np.random.Generator,
        difficulty: float,
        pixels: np.ndarray,
    ) -> None:
        """Draw `clip` into `pixels`, uint8 (T, H, W, 3)."""
        frames = np.empty(pixels.shape, np.float32)
        times, spacing = random_frame_times(self.num_frames, generator)
        self.draw(clip, times, spacing, generator, frames)
        if generator.random() < 0.5 * difficulty:
            weight = np.float32(generator.uniform(0.02, 0.25))
            affine_sampling.blur(frames, weight, np.empty(pixels.shape[1:], np.float32))
        develop(frames, times, generator, difficulty, pixels)
        if generator.random() < 0.4 * difficulty:
            compress(pixels, int(generator.integers(12, 85)))

    def draw(
        self,
        clip: CameraClip,
        times: np.ndarray,
        spacing: float,
        generator: np.random.Generator,
        frames: np.ndarray,
    ) -> None:
        """Scene and objects at `times` into `frames`, float32 (T, H, W, 3) of grey levels.

        `spacing` is the time between two frames of the file the clip stands for; the shutter is
        open for a random part of it. Sharpness is random as well.
        """
        self._draw_scene(clip, times, spacing, generator, frames)
        for moving in clip.objects:
            self._draw_object(moving, clip.path.poses(times), times, frames)

    def _draw_scene(self, clip, times, spacing, generator, frames) -> None:
        size = self.image_size
        taps = _TAPS[(1, 2, 4)[generator.integers(3)]]
        shutter = generator.uniform(0.0, 0.6) * spacing
        moments = times[:, None] + shutter * np.linspace(-0.5, 0.5, len(taps))[None, :]
        matrices = clip.viewpoint.matrices(clip.path.poses(moments.ravel()), size, size)
        matrices = matrices.reshape(len(times), len(taps), 2, 3)
        levels = np.empty((len(times), 3), np.int64)
        steps = np.sqrt(np.abs(np.linalg.det(matrices[:, 0, :, :2])))
        # Resizers differ in sharpness: read a level that is up to 30 % too fine or too coarse.
        sharpness = np.exp(generator.uniform(-0.3, 0.3))
        for frame, step in enumerate(steps):
            level = self.store.level_for(clip.viewpoint.photograph, step * sharpness)
            levels[frame] = self.store.levels[clip.viewpoint.photograph][level]
            matrices[frame] *= 0.5**level
        matrices[..., 2] -= 0.5
        affine_sampling.sample_scene(self.store.texels, levels, matrices, taps, frames)

    def _draw_object(self, moving: MovingObject, poses, times, frames) -> None:
        size = self.image_size
        placements = moving.placements(times, poses)
        placements[:, :2] = (placements[:, :2] + 0.5) * size - 0.5
        placements[:, 2] = np.maximum(placements[:, 2] * size, 0.5)
        levels = self.store.levels[moving.texture]
        step = min(levels[0][1:]) * moving.texture_scale / (size * moving.radius)
        level = self.store.level_for(moving.texture, step)
        _, width, height = levels[level]
        texture = (
            moving.texture_centre[0] * width,
            moving.texture_centre[1] * height,
            moving.texture_scale * min(width, height),
        )
        affine_sampling.paint_object(
            self.store.texels,
            levels[level],
            placements.astype(np.float32),
            np.array(moving.outline, np.float32),
            np.array(texture, np.float32),
            np.float32(moving.opacity),
            frames,
        )


def random_frame_times(num_frames: int, generator: np.random.Generator) -> tuple[np.ndarray, float]:
    """Times of the frames that a reader picks evenly from a clip, and the clip's frame spacing.

    The clip has 10 to 300 frames, so that picking whole frames makes the steps uneven in short
    clips. Times run from 0 (first frame of the clip) to 1 (last).
    """
    count = int(np.exp(generator.uniform(np.log(10), np.log(300))))
    rule = _SAMPLING_RULES[generator.integers(len(_SAMPLING_RULES))]
    return rule(count, num_frames) / (count - 1), 1.0 / (count - 1)
