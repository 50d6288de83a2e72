"""From where and how fast an action is filmed, and how it lands in the picture."""

from dataclasses import dataclass

import numpy as np

CLIP_S = 1.4


@dataclass(frozen=True)
class FilmingRange:
    """The viewpoints and speeds of one side of the split.

    off_axis_degrees: angle between the direction of view, seen from above, and the line the person
        faces along at the start, 0 (from the front or from behind) to 90 (from a side).
    elevation_degrees: of the camera above the person.
    speed: playback speed, 1 as performed.
    Each is one or several (lowest, highest) ranges.
    """

    off_axis_degrees: tuple[tuple[float, float], ...]
    elevation_degrees: tuple[tuple[float, float], ...]
    speed: tuple[tuple[float, float], ...]


# A person from the front and from behind have nearly the same outline, and so have left and right
# in mirrored clips: the split is by the angle that is left when these are taken as one.
SPLITS = {
    "training": FilmingRange(
        off_axis_degrees=((45.0, 60.0), (75.0, 90.0)),
        elevation_degrees=((0.0, 8.0), (16.0, 24.0)),
        speed=((0.6, 0.85), (1.1, 1.4)),
    ),
    "held_out": FilmingRange(
        off_axis_degrees=((62.0, 73.0),),
        elevation_degrees=((10.0, 14.0),),
        speed=((0.9, 1.05),),
    ),
}


@dataclass(frozen=True)
class Shot:
    """One clip's camera.

    azimuth, elevation, roll: radians; azimuth 0 sees the person from the front, rising to their
    left. mirrored: left and right swapped. distance_m: to the person. view_m: side of the square
    seen at that distance. height_m: added to the height aimed at, `aside_m` to the place across.
    lag: how far the camera falls behind the person's travel, 0 (never) to 1 (it stands still).
    speed: playback speed.
    """

    azimuth: float
    elevation: float
    roll: float
    mirrored: bool
    distance_m: float
    view_m: float
    height_m: float
    aside_m: float
    lag: float
    speed: float

    def project(self, points: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Image points (T, points, 4) as `draw_limbs` takes them, and the pan in metres (T,).

        `points` (T, points, 3) are metres, the root first; frames are `size` pixels wide. The
        camera aims at the mean height of the root and follows its travel over the ground. The pan
        is how far it has moved to its right.
        """
        if self.mirrored:
            points = points * (1.0, -1.0, 1.0)
        root = points[:, 0]
        middle = root.mean(axis=0)
        cos, sin = np.cos(self.azimuth), np.sin(self.azimuth)
        right, towards = np.array([-sin, cos, 0.0]), np.array([cos, sin, 0.0])
        aim = root + self.lag * _bounded(middle - root, right, 0.3 * self.view_m)
        aim[:, 2] = middle[2] + self.height_m
        pan = (aim - middle) @ right
        aim += self.aside_m * right
        cos, sin = np.cos(self.elevation), np.sin(self.elevation)
        backward = cos * towards + (0.0, 0.0, sin)
        up = -sin * towards + (0.0, 0.0, cos)
        seen = (points - aim[:, None]) @ np.stack([right, up, backward], axis=1)
        distance = self.distance_m - seen[..., 2]
        scale = size / self.view_m * self.distance_m / distance
        x, y = scale * seen[..., 0], -scale * seen[..., 1]
        cos, sin = np.cos(self.roll), np.sin(self.roll)
        centre = (size - 1) / 2
        column, row = centre + cos * x - sin * y, centre + sin * x + cos * y
        return np.stack([column, row, distance, scale], axis=-1), pan


def _bounded(offsets: np.ndarray, right: np.ndarray, limit: float) -> np.ndarray:
    """Offsets (T, 3) scaled down together so that none goes further right or left than `limit`."""
    across = np.abs(offsets @ right).max()
    return offsets * min(1.0, limit / max(across, 1e-9))


def random_shot(limits: FilmingRange, generator: np.random.Generator, difficulty: float) -> Shot:
    """A camera within `limits`; `difficulty` (0 to 1) widens what is not part of the split."""
    uniform = generator.uniform
    off_axis = np.radians(_within(limits.off_axis_degrees, generator))
    azimuth = off_axis if generator.random() < 0.5 else np.pi - off_axis
    return Shot(
        azimuth=azimuth if generator.random() < 0.5 else -azimuth,
        elevation=np.radians(_within(limits.elevation_degrees, generator)),
        roll=difficulty * np.radians(np.clip(generator.normal(0.0, 3.0), -8.0, 8.0)),
        mirrored=bool(generator.random() < 0.5),
        distance_m=uniform(4.0, 10.0),
        view_m=2.1 * np.exp(difficulty * uniform(-0.2, 0.25)),
        height_m=difficulty * uniform(-0.2, 0.2),
        aside_m=difficulty * uniform(-0.3, 0.3),
        lag=difficulty * uniform(0.0, 1.0),
        speed=_within(limits.speed, generator),
    )


def _within(ranges: tuple[tuple[float, float], ...], generator: np.random.Generator) -> float:
    """Uniform over the union of `ranges`."""
    place = generator.random() * sum(high - low for low, high in ranges)
    for low, high in ranges:
        if place <= high - low:
            break
        place -= high - low
    return low + min(place, high - low)


def random_start_s(
    duration_s: float, cyclic: bool, span_s: float, generator: np.random.Generator
) -> float:
    """When in a motion a clip of `span_s` motion seconds starts.

    Cyclic motions start anywhere; of others at least two thirds of the clip are motion.
    """
    if cyclic:
        return float(generator.uniform(0.0, duration_s))
    early, late = -span_s / 3, duration_s - span_s * 2 / 3
    return float(generator.uniform(min(early, late), max(early, late)))
