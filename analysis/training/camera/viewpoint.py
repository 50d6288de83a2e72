"""Where in a photograph a camera path is placed, so that the whole move stays inside."""

from dataclasses import dataclass

import numpy as np

from analysis.training.camera.camera_path import CameraPath
from analysis.training.camera.photograph_store import PhotographStore

SMALLEST_VIEW_PIXELS = 80.0
_GRID = np.stack([*np.meshgrid(np.arange(12.0), np.arange(12.0)), np.ones((12, 12))])
_CHECKED_TIMES = np.linspace(0.0, 1.0, 17)


@dataclass(frozen=True)
class Viewpoint:
    """A similarity (possibly mirrored) from scene views to pixels of one photograph.

    pixel = view_pixels * turn @ scene + origin, with `turn` (2, 2) a rotation or reflection.
    """

    photograph: int
    view_pixels: float
    turn: np.ndarray
    origin: np.ndarray

    def matrices(self, poses: np.ndarray, width: int, height: int) -> np.ndarray:
        """Maps (n, 2, 3) from (column, row, 1) of output frames to photograph pixels.

        The view is the square in the middle of a frame, as high or wide as its short side. Pixel
        centres of the output are whole numbers, those of the photograph halves.
        """
        size = min(width, height)
        centre, scale, angle = poses[:, :2], poses[:, 2], poses[:, 3]
        cos, sin = scale * np.cos(angle), scale * np.sin(angle)
        rotation = np.stack([np.stack([cos, -sin], 1), np.stack([sin, cos], 1)], 1)
        to_pixels = self.view_pixels * self.turn
        linear = to_pixels @ rotation / size
        first = np.array([0.5 - width / 2, 0.5 - height / 2])
        offset = linear @ first + centre @ to_pixels.T + self.origin
        return np.concatenate([linear, offset[:, :, None]], axis=2)


def random_viewpoint(
    path: CameraPath,
    photograph: int,
    size: tuple[int, int],
    generator: np.random.Generator,
    extent: tuple[float, float] = (1.0, 1.0),
) -> Viewpoint:
    """A random place, scale and orientation for `path` in photograph number `photograph`.

    `size` is its width and height in pixels, `extent` width and height of a frame in views (both
    1 for the square that the model sees, one of them more for a whole video frame). The view is
    as large as a uniform draw between the smallest useful size and the largest at which nothing
    outside the photograph is seen; when even the smallest does not fit, borders are seen mirrored.
    """
    turn = _random_turn(generator)
    corners = _footprint(path, extent) @ turn.T
    low, high = corners.min(axis=0), corners.max(axis=0)
    largest = float(np.min(np.array(size) / (high - low)))
    smallest = min(largest, max(SMALLEST_VIEW_PIXELS, 0.45 * largest))
    view_pixels = max(generator.uniform(smallest, largest), SMALLEST_VIEW_PIXELS)
    room = np.array(size) - view_pixels * (high - low)
    origin = generator.random(2) * room - view_pixels * low
    return Viewpoint(photograph, view_pixels, turn, origin)


def _random_turn(generator: np.random.Generator) -> np.ndarray:
    """Mostly upright, half of the time mirrored, sometimes turned by quarter turns."""
    angle = np.radians(np.clip(generator.normal(0.0, 4.0), -12.0, 12.0))
    if generator.random() < 0.25:
        angle += generator.integers(1, 4) * np.pi / 2
    cos, sin = np.cos(angle), np.sin(angle)
    mirror = 1.0 if generator.random() < 0.5 else -1.0
    return np.array([[mirror * cos, -mirror * sin], [sin, cos]])


def _footprint(path: CameraPath, extent: tuple[float, float]) -> np.ndarray:
    """Scene positions (n, 2) of the frame's corners during the move."""
    poses = path.poses(_CHECKED_TIMES)
    half = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * np.array(extent) / 2
    cos, sin = np.cos(poses[:, 3:]), np.sin(poses[:, 3:])
    x = cos * half[:, 0] - sin * half[:, 1]
    y = sin * half[:, 0] + cos * half[:, 1]
    corners = np.stack([x, y], axis=2) * poses[:, 2, None, None]
    return (corners + poses[:, None, :2]).reshape(-1, 2)


def visible_texture(store: PhotographStore, viewpoint: Viewpoint, path: CameraPath) -> float:
    """How much there is to see: grey-level difference between neighbours of a 12x12 grid.

    The mean over the grid, taken in the poorer of both directions and the poorest of three
    moments of the move.
    """
    size = 12
    maps = viewpoint.matrices(path.poses(np.array([0.0, 0.5, 1.0])), size, size)
    step = float(np.sqrt(np.abs(np.linalg.det(maps[0, :, :2]))))
    level = store.level_for(viewpoint.photograph, step)
    offset, width, height = store.levels[viewpoint.photograph][level]
    points = np.einsum("fij,jyx->fiyx", maps, _GRID) * 0.5**level
    column = np.clip(points[:, 0].astype(np.int64), 0, width - 1)
    row = np.clip(points[:, 1].astype(np.int64), 0, height - 1)
    green = ((store.texels[offset + row * width + column] >> 8) & 255).astype(np.float32)
    across = np.abs(np.diff(green, axis=2)).mean(axis=(1, 2))
    down = np.abs(np.diff(green, axis=1)).mean(axis=(1, 2))
    return float(min(across.min(), down.min()))
