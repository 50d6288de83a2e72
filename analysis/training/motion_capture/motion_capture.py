"""Labelled, endless clips of motion-captured actions, fast enough to draw in training.

Each clip is drawn anew from the points of a moving skeleton: a body of random build and clothes
before a photograph or a made-up picture, filmed by a camera that follows the person. Clips last
1.4 s of video. They start anywhere in the action, and most single frames fit several actions, so
that what a person does shows only over time.

What is held out is never a matter of frames: viewpoints and playback speeds are split, see
`analysis.training.motion_capture.filming.SPLITS`. The performances are the same on both sides,
one for each action.
"""

import numpy as np

from analysis.training.camera import affine_sampling
from analysis.training.camera.development import compress, develop
from analysis.training.camera.photograph_store import PhotographStore
from analysis.training.motion_capture.backdrops import made_backdrops
from analysis.training.motion_capture.body import LIMB_ENDS, draw_limbs, random_appearance
from analysis.training.motion_capture.filming import (
    CLIP_S,
    SPLITS,
    random_shot,
    random_start_s,
)
from analysis.training.motion_capture.motions import ACTIONS, Motion

_FRAMES_PER_FILE = (21, 85)
_BACKDROPS = 160
_TAPS = np.zeros((1, 2))


class MotionCapture:
    """Draws labelled clips of `motions`, class by class in the order of `ACTIONS`.

    `split` is "training" or "held_out". `photographs` are what is behind the person; without them,
    made-up pictures are, others in each split. It may be used from several threads at once.
    """

    labels = ACTIONS

    def __init__(
        self,
        motions: tuple[Motion, ...],
        split: str,
        *,
        num_frames: int = 8,
        image_size: int = 64,
        photographs: PhotographStore | None = None,
    ):
        if split not in SPLITS:
            raise ValueError(f'Got split "{split}"; use one of {", ".join(SPLITS)}.')
        self.motions = motions
        self.filming = SPLITS[split]
        self.num_frames = num_frames
        self.image_size = image_size
        if photographs is None:
            generator = np.random.default_rng([0xBAC4, list(SPLITS).index(split)])
            photographs = PhotographStore.build(made_backdrops(_BACKDROPS, generator))
        self.backdrops = photographs

    def batch_of(
        self, size: int, generator: np.random.Generator, difficulty: float = 1.0
    ) -> tuple[np.ndarray, np.ndarray]:
        """`size` clips uint8 (B, T, H, W, 3) and labels int64 (B,), classes as even as possible.

        `difficulty` (0 to 1) scales what is neither action nor viewpoint: how much the person's
        colours resemble what is behind, framing, how far the camera lags behind, exposure changes,
        blur, noise and compression.
        """
        classes = len(self.motions)
        labels = (np.arange(size) + generator.integers(classes)) % classes
        generator.shuffle(labels)
        shape = (size, self.num_frames, self.image_size, self.image_size, 3)
        pixels = np.empty(shape, np.uint8)
        for index, label in enumerate(labels):
            self.draw(self.motions[label], generator, difficulty, pixels[index])
        return pixels, labels.astype(np.int64)

    def draw(
        self,
        motion: Motion,
        generator: np.random.Generator,
        difficulty: float,
        pixels: np.ndarray,
    ) -> None:
        """Draw one random clip of `motion` into `pixels`, uint8 (T, H, W, 3)."""
        shot = random_shot(self.filming, generator, difficulty)
        span_s = CLIP_S * shot.speed
        start_s = random_start_s(motion.duration_s, motion.cyclic, span_s, generator)
        times = _frame_times(self.num_frames, generator)
        points, pan_m = shot.project(motion.at(start_s + span_s * times), self.image_size)
        frames = np.empty(pixels.shape, np.float32)
        pan = pan_m * self.image_size / shot.view_m
        self._draw_backdrop(pan, shot.roll, generator, frames)
        # Somebody in bright clothes before something dark, in easy clips more than in others.
        frames *= np.float32(0.15 + 0.4 * difficulty)
        look = random_appearance(generator, difficulty)
        draw_limbs(points, LIMB_ENDS, look.radii, look.colours, look.light, look.ambient, frames)
        if generator.random() < 0.3 * difficulty:
            weight = np.float32(generator.uniform(0.02, 0.25))
            affine_sampling.blur(frames, weight, np.empty(pixels.shape[1:], np.float32))
        if generator.random() < 0.5 * difficulty:
            develop(frames, times, generator, difficulty, pixels)
        else:
            pixels[:] = np.clip(frames, 0.0, 255.0)
        if generator.random() < 0.25 * difficulty:
            compress(pixels, int(generator.integers(12, 85)))

    def _draw_backdrop(self, pan, roll, generator, frames) -> None:
        """A random part of a random picture, far away or so near that panning shows.

        `pan` (T,) is how many pixels the camera has moved to its right at the person's distance.
        """
        picture = int(generator.integers(len(self.backdrops)))
        width, height = self.backdrops.size(picture)
        view = min(width, height) * generator.uniform(0.4, 0.9)
        step = view / self.image_size
        mirror = 1.0 if generator.random() < 0.5 else -1.0
        cos, sin = step * np.cos(roll), step * np.sin(roll)
        linear = np.array([[mirror * cos, mirror * sin], [-sin, cos]])
        middle = (np.array([width, height]) - view) * generator.random(2) + view / 2
        first = middle - linear @ np.full(2, (self.image_size - 1) / 2)
        parallax = max(0.0, generator.uniform(-0.7, 0.7))
        seen = frames if parallax > 0.0 else frames[:1]
        matrices = np.empty((len(seen), 1, 2, 3))
        matrices[:, 0, :, :2] = linear
        matrices[:, 0, :, 2] = first + np.outer(parallax * pan[: len(seen)], linear[:, 0])
        level = self.backdrops.level_for(picture, step)
        matrices *= 0.5**level
        matrices[..., 2] -= 0.5
        levels = np.tile(self.backdrops.levels[picture][level], (len(seen), 1))
        affine_sampling.sample_scene(self.backdrops.texels, levels, matrices, _TAPS, seen)
        frames[len(seen) :] = frames[0]


def _frame_times(num_frames: int, generator: np.random.Generator) -> np.ndarray:
    """Times (T,) from 0 (first frame of the video) to 1 (last), on whole frames of 15 to 60 fps."""
    last = int(generator.integers(*_FRAMES_PER_FILE)) - 1
    return np.round(np.linspace(0, last, num_frames)) / last
