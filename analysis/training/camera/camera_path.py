"""What a camera does during a clip: the nine labelled moves as poses over time.

A pose is (centre x, centre y, scale, angle). Lengths are in views: 1 is the side of the square
that the model sees. The scene point seen at view position p (x right, y down, 0 in the middle,
-0.5 to 0.5 across the square) is

    centre + scale * rotation(angle) @ p.

So a camera that pans left lowers centre x (content moves right), one that tilts up lowers centre
y (content moves down), zooming in lowers the scale (content grows) and rolling clockwise raises
the angle (content turns counter-clockwise).
"""

from dataclasses import dataclass

import numpy as np

from analysis.video.labels import label_names

CAMERA_MOVES = label_names("camera_moves")

PAN_VIEWS = (0.25, 1.2)
ZOOM_FACTORS = (1.35, 2.5)
ROLL_DEGREES = (17.0, 52.0)

_PROGRESS_STEPS = 33


@dataclass(frozen=True)
class CameraPath:
    """One camera move, evaluated at any time between 0 (first frame) and 1 (last frame).

    `shift` (x, y) in views, `log_zoom` (natural logarithm of the scale) and `angle` in radians
    are reached at the end; `progress` gives the share of them reached at evenly spaced times.
    Zoom and roll keep the scene point seen at view position `pivot` in place. The hand shake is
    three sinusoids for each of the four pose parameters: amplitudes and phases (4, 3), cycles
    over the clip (3,).
    """

    move: str
    shift: tuple[float, float]
    log_zoom: float
    angle: float
    pivot: tuple[float, float]
    progress: np.ndarray
    shake_amplitudes: np.ndarray
    shake_phases: np.ndarray
    shake_cycles: np.ndarray

    def poses(self, times: np.ndarray) -> np.ndarray:
        """Poses (len(times), 4): centre x, centre y, scale, angle in radians."""
        grid = np.linspace(0.0, 1.0, len(self.progress))
        done = np.interp(times, grid, self.progress)
        waves = np.sin(
            2 * np.pi * times[:, None, None] * self.shake_cycles + self.shake_phases
        )  # (times, 4, 3)
        shake = (waves * self.shake_amplitudes).sum(axis=2)
        scale = np.exp(self.log_zoom * done + shake[:, 2])
        angle = self.angle * done + shake[:, 3]
        cos, sin = scale * np.cos(angle), scale * np.sin(angle)
        x, y = self.pivot
        centre_x = x - (cos * x - sin * y) + self.shift[0] * done + shake[:, 0]
        centre_y = y - (sin * x + cos * y) + self.shift[1] * done + shake[:, 1]
        return np.stack([centre_x, centre_y, scale, angle], axis=1)


def random_camera_path(move: str, generator: np.random.Generator, difficulty: float) -> CameraPath:
    """A path that shows `move` (one of CAMERA_MOVES).

    `difficulty` from 0 to 1 widens the range of moves down to the smallest ones and adds drift
    in the other directions, hand shake and uneven speed. Raises ValueError for another move.
    """
    if move not in CAMERA_MOVES:
        raise ValueError(f"Unknown camera move {move!r}: choose one of {', '.join(CAMERA_MOVES)}.")
    uniform = generator.uniform
    drift = difficulty * np.clip(generator.normal(0.0, 0.5, 4), -1.0, 1.0)
    # Drift: views sideways, views up or down, log scale, radians.
    if move == "static":
        x, y, log_zoom, angle = drift * (0.03, 0.03, 0.02, 0.02)
    elif move.startswith(("pan", "tilt")):
        distance = _amount(PAN_VIEWS, generator, difficulty)
        aside, along = drift[0] * 0.2 * distance, distance
        x, y = (along, aside) if move.startswith("pan") else (aside, along)
        x = -x if move == "pan left" else x
        y = -y if move == "tilt up" else y
        log_zoom, angle = drift[2] * 0.08, drift[3] * 0.04
    elif move.startswith("zoom"):
        x, y, angle = drift[0] * 0.07, drift[1] * 0.07, drift[3] * 0.04
        log_zoom = np.log(_amount(ZOOM_FACTORS, generator, difficulty))
        log_zoom = -log_zoom if move == "zoom in" else log_zoom
    else:
        x, y, log_zoom = drift[0] * 0.07, drift[1] * 0.07, drift[2] * 0.1
        angle = np.radians(_amount(ROLL_DEGREES, generator, difficulty))
        angle = -angle if move == "roll counter-clockwise" else angle
    pivot = difficulty * uniform(-0.22, 0.22, 2)
    strength = difficulty * uniform(0.0, 1.0) ** 2
    cycles = uniform(0.4, 10.0, 3)
    amplitudes = generator.normal(0.0, 1.0, (4, 3)) / (1.0 + cycles / 3.0)
    amplitudes *= strength * np.array([0.018, 0.018, 0.008, 0.012])[:, None]
    return CameraPath(
        move=move,
        shift=(float(x), float(y)),
        log_zoom=float(log_zoom),
        angle=float(angle),
        pivot=(float(pivot[0]), float(pivot[1])),
        progress=_random_progress(generator, difficulty),
        shake_amplitudes=amplitudes,
        shake_phases=uniform(0.0, 2 * np.pi, (4, 3)),
        shake_cycles=cycles,
    )


def _amount(limits: tuple[float, float], generator: np.random.Generator, difficulty: float):
    """Easy clips use the upper part of the range, full difficulty all of it."""
    low, high = limits
    start = low + (1.0 - difficulty) * 0.45 * (high - low)
    return generator.uniform(start, high)


def _random_progress(generator: np.random.Generator, difficulty: float) -> np.ndarray:
    """Share of the move done at evenly spaced times, rising from 0 to 1.

    Speed eases in and out, changes once, and rests before or after the move.
    """
    middle = (np.arange(_PROGRESS_STEPS - 1) + 0.5) / (_PROGRESS_STEPS - 1)
    shapes = (np.ones_like(middle), np.sin(np.pi * middle), middle, 1.0 - middle)
    eased = shapes[generator.integers(len(shapes))]
    strength = difficulty * generator.uniform(0.0, 0.9)
    speed = 1.0 - strength + strength * eased * 1.5
    change, factor = generator.uniform(0.2, 0.8), np.exp(generator.normal(0.0, 0.5 * difficulty))
    speed = np.where(middle > change, speed * factor, speed)
    if generator.random() < 0.35 * difficulty:
        share = generator.uniform(0.55, 0.95)
        start = generator.uniform(0.0, 1.0 - share)
        speed = np.where((middle < start) | (middle > start + share), 0.0, speed)
    done = np.concatenate([[0.0], np.cumsum(speed)])
    return done / done[-1]
