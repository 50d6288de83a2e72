"""Compiled drawing of plain shapes."""

import numpy as np
from numba import njit

_COMPILE = dict(nogil=True, cache=True, fastmath=True)

# Numbers of `composition.SHAPES` in `_inside`.
_CIRCLE, _SQUARE, _TRIANGLE, _STAR, _CROSS = range(5)

# Sharp and inner corners of a five-pointed star lie at radii 1 and this.
_STAR_WAIST = 0.42


@njit(**_COMPILE)
def _inside(shape, x, y):
    """Whether (x right, y down) lies in a shape that fits the unit circle, tip up."""
    r2 = x * x + y * y
    if r2 > 1.0:
        return False
    if shape == _CIRCLE:
        return True
    if shape == _SQUARE:
        return max(abs(x), abs(y)) <= 0.707
    if shape == _TRIANGLE:
        # An equilateral triangle: the base half a radius below the middle.
        return y <= 0.5 and np.sqrt(3.0) * abs(x) <= y + 1.0
    if shape == _STAR:
        sector = 2.0 * np.pi / 5.0
        angle = abs((np.arctan2(x, -y) + sector / 2.0) % sector - sector / 2.0)
        r = np.sqrt(r2)
        along, across = r * np.cos(angle), r * np.sin(angle)
        # Inside the edge from the tip (1, 0) to the inner corner at half a sector.
        corner_x = _STAR_WAIST * np.cos(sector / 2.0)
        corner_y = _STAR_WAIST * np.sin(sector / 2.0)
        return (1.0 - along) * corner_y >= across * (1.0 - corner_x)
    if shape == _CROSS:
        return min(abs(x), abs(y)) <= 0.3 and max(abs(x), abs(y)) <= 0.95
    return r2 >= 0.3


@njit(**_COMPILE)
def paint_shape(shape, placements, colour, frames):
    """Draw one shape over `frames` float32 (T, H, W, 3), with edges soft by a pixel.

    `shape` is a number in SHAPES. `placements` float64 (T, 4): centre column, centre row, radius
    in pixels, angle in radians, clockwise in the picture. `colour` float32 (3,).
    """
    count, height, width = frames.shape[:3]
    for frame in range(count):
        x0, y0, radius, angle = placements[frame]
        cos, sin = np.cos(angle) / radius, np.sin(angle) / radius
        for row in range(max(0, int(y0 - radius - 1)), min(height, int(y0 + radius) + 3)):
            for column in range(max(0, int(x0 - radius - 1)), min(width, int(x0 + radius) + 3)):
                hits = 0
                for tap in range(9):
                    dx = column - x0 + (tap % 3 - 1) / 3.0
                    dy = row - y0 + (tap // 3 - 1) / 3.0
                    if _inside(shape, cos * dx + sin * dy, cos * dy - sin * dx):
                        hits += 1
                alpha = np.float32(hits / 9.0)
                for channel in range(3):
                    old = frames[frame, row, column, channel]
                    frames[frame, row, column, channel] = old + alpha * (colour[channel] - old)
