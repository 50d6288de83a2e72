"""A body around the points of a skeleton: its limbs, their colours, and drawing them."""

from dataclasses import dataclass

import numpy as np
from numba import njit

from analysis.training.motion_capture.skeleton import POINTS

# Limbs from point to point with the radius in metres at both ends and what covers them.
_LIMBS = (
    ("root", "chest", 0.105, 0.11, "shirt"),
    ("chest", "neck", 0.115, 0.10, "shirt"),
    ("right_shoulder", "left_shoulder", 0.06, 0.06, "shirt"),
    ("neck", "head", 0.045, 0.05, "skin"),
    ("head", "head", 0.10, 0.10, "skin"),
    ("hair", "hair", 0.10, 0.10, "hair"),
    *(
        limb
        for side in ("right", "left")
        for limb in (
            (f"{side}_hip", f"{side}_knee", 0.085, 0.06, "trousers"),
            (f"{side}_knee", f"{side}_ankle", 0.06, 0.045, "shins"),
            (f"{side}_heel", f"{side}_toes", 0.045, 0.04, "shoes"),
            (f"{side}_shoulder", f"{side}_elbow", 0.06, 0.045, "sleeves"),
            (f"{side}_elbow", f"{side}_wrist", 0.045, 0.035, "forearms"),
            (f"{side}_wrist", f"{side}_wrist", 0.045, 0.045, "skin"),
        )
    ),
)
_COVERS = ("shirt", "sleeves", "forearms", "trousers", "shins", "shoes", "hair", "skin")

_WHITE = 235.0

LIMB_ENDS = np.array([[POINTS.index(limb[0]), POINTS.index(limb[1])] for limb in _LIMBS])
LIMB_RADII = np.array([limb[2:4] for limb in _LIMBS])
_LIMB_COVERS = np.array([_COVERS.index(limb[4]) for limb in _LIMBS])


@dataclass(frozen=True)
class Appearance:
    """How a body looks.

    radii: metres (limbs, 2); colours: grey levels 0 to 255 (limbs, 3); light: where light comes
    from, a unit vector (3,) of image axes (right, down, towards the camera); ambient: brightness
    of what it does not reach, 0 to 1.
    """

    radii: np.ndarray
    colours: np.ndarray
    light: np.ndarray
    ambient: float


def random_appearance(generator: np.random.Generator, difficulty: float = 1.0) -> Appearance:
    """Any build, clothes with long or short sleeves and legs, light from above.

    Colours are near white at `difficulty` 0, pale to strong at 1, never dark.
    """
    colours = generator.uniform(20.0, 245.0, (len(_COVERS), 3))
    grey = colours.mean(axis=1, keepdims=True)
    colours = grey + generator.uniform(0.0, 1.0, (len(_COVERS), 1)) * (colours - grey)
    covers = dict(zip(_COVERS, colours, strict=True))
    covers["skin"][:] = np.array([224.0, 172.0, 138.0]) * generator.uniform(0.35, 1.1)
    covers["hair"][:] *= 0.6
    for below, above, bare in (("forearms", "sleeves", 0.4), ("shins", "trousers", 0.25)):
        covers[below][:] = covers["skin"] if generator.random() < bare else covers[above]
    if generator.random() < 0.7:
        covers["sleeves"][:] = covers["shirt"]
    light = np.array([generator.normal(0.0, 0.6), -1.0, generator.uniform(0.2, 1.2)])
    return Appearance(
        LIMB_RADII * generator.uniform(0.8, 1.25),
        (_WHITE + 0.6 * difficulty * (np.minimum(colours, 255.0) - _WHITE))[_LIMB_COVERS],
        light / np.linalg.norm(light),
        float(generator.uniform(0.35, 0.75)),
    )


@njit(nogil=True, cache=True, fastmath=True)
def draw_limbs(points, ends, radii, colours, light, ambient, frames):
    """Draw limbs, far ones first, over `frames` float32 (T, H, W, 3).

    `points` float64 (T, points, 4): column, row, distance from the camera in metres, and pixels
    per metre there. `ends` int64 (limbs, 2) are point numbers, `radii` float64 (limbs, 2) metres;
    for the rest see `Appearance`. A limb is shaded as if round; its edge is soft by a pixel.
    """
    count, height, width = frames.shape[:3]
    limbs = len(ends)
    distances = np.empty(limbs)
    for frame in range(count):
        for limb in range(limbs):
            a, b = points[frame, ends[limb, 0]], points[frame, ends[limb, 1]]
            # By the nearest surface, so that the arm on a chest is in front of it.
            middle = 0.5 * (a[2] + b[2])
            distances[limb] = middle - 0.5 * (radii[limb, 0] + radii[limb, 1])
        for limb in np.argsort(-distances):
            a, b = points[frame, ends[limb, 0]], points[frame, ends[limb, 1]]
            r0, r1 = radii[limb, 0] * a[3], radii[limb, 1] * b[3]
            dx, dy = b[0] - a[0], b[1] - a[1]
            length2 = dx * dx + dy * dy
            inverse = 1.0 / length2 if length2 > 1e-6 else 0.0
            reach = max(r0, r1) + 1.0
            top = max(0, int(np.ceil(min(a[1], b[1]) - reach)))
            bottom = min(height - 1, int(np.floor(max(a[1], b[1]) + reach)))
            left = max(0, int(np.ceil(min(a[0], b[0]) - reach)))
            right = min(width - 1, int(np.floor(max(a[0], b[0]) + reach)))
            for row in range(top, bottom + 1):
                for column in range(left, right + 1):
                    x, y = column - a[0], row - a[1]
                    along = min(max((x * dx + y * dy) * inverse, 0.0), 1.0)
                    x, y = x - along * dx, y - along * dy
                    radius = r0 + along * (r1 - r0)
                    off = np.sqrt(x * x + y * y)
                    alpha = min(max(radius - off + 0.5, 0.0), 1.0)
                    if alpha <= 0.0:
                        continue
                    nx, ny = x / radius, y / radius
                    nz = np.sqrt(max(1.0 - nx * nx - ny * ny, 0.0))
                    lit = max(nx * light[0] + ny * light[1] + nz * light[2], 0.0)
                    shade = ambient + (1.0 - ambient) * lit
                    for channel in range(3):
                        old = frames[frame, row, column, channel]
                        new = np.float32(shade * colours[limb, channel])
                        frames[frame, row, column, channel] = old + np.float32(alpha) * (new - old)
