"""Foreground objects that move on their own, so that motion alone does not give the camera away."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class MovingObject:
    """A soft-edged blob cut from a photograph, moving on its own line.

    Lengths are in views, angles in radians. `start` and `travel` are positions on the screen or,
    when `in_scene`, in the scene, where the camera move carries the object along as well. `growth`
    is the natural logarithm of its change in size. `outline` is aspect and four edge bumps;
    `texture` a photograph number, with the texture centre as shares of width and height and the
    texture scale as a share of the short side covered by one radius.
    """

    start: tuple[float, float]
    travel: tuple[float, float]
    radius: float
    growth: float
    angle: float
    spin: float
    in_scene: bool
    outline: tuple[float, float, float, float, float]
    texture: int
    texture_centre: tuple[float, float]
    texture_scale: float
    opacity: float

    def placements(self, times: np.ndarray, poses: np.ndarray) -> np.ndarray:
        """Screen placement (n, 4) at each time: x, y, radius, angle, given camera poses (n, 4)."""
        x = self.start[0] + self.travel[0] * times
        y = self.start[1] + self.travel[1] * times
        radius = self.radius * np.exp(self.growth * times)
        angle = self.angle + self.spin * times
        if self.in_scene:
            dx, dy, scale = x - poses[:, 0], y - poses[:, 1], poses[:, 2]
            cos, sin = np.cos(poses[:, 3]), np.sin(poses[:, 3])
            x, y = (cos * dx + sin * dy) / scale, (cos * dy - sin * dx) / scale
            radius, angle = radius / scale, angle - poses[:, 3]
        return np.stack([x, y, radius, angle], axis=1)


def random_objects(
    photographs: int, generator: np.random.Generator, difficulty: float
) -> tuple[MovingObject, ...]:
    """None to three objects, more often and larger as `difficulty` nears 1."""
    if generator.random() > 0.55 * difficulty:
        return ()
    count = 1 + int(generator.integers(3))
    largest = 0.3 / np.sqrt(count)
    return tuple(_random_object(photographs, largest, generator) for _ in range(count))


def _random_object(
    photographs: int, largest: float, generator: np.random.Generator
) -> MovingObject:
    uniform = generator.uniform
    direction, distance = uniform(0.0, 2 * np.pi), uniform(0.0, 1.1)
    travel = np.array([np.cos(direction), 0.6 * np.sin(direction)]) * distance
    middle = uniform(-0.4, 0.4, 2)
    bumps = generator.normal(0.0, 0.13, 4).clip(-0.3, 0.3)
    return MovingObject(
        start=tuple(middle - travel / 2),
        travel=tuple(travel),
        radius=uniform(0.05, largest),
        growth=generator.normal(0.0, 0.2),
        angle=uniform(0.0, 2 * np.pi),
        spin=generator.normal(0.0, 0.4),
        in_scene=bool(generator.random() < 0.5),
        outline=(float(np.exp(generator.normal(0.0, 0.3))), *map(float, bumps)),
        texture=int(generator.integers(photographs)),
        texture_centre=tuple(uniform(0.2, 0.8, 2)),
        texture_scale=uniform(0.05, 0.25),
        opacity=1.0 if generator.random() < 0.85 else uniform(0.4, 0.9),
    )
