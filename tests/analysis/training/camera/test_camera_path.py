"""Poses against hand-worked ones: the label names what the camera does."""

import numpy as np
import pytest

from analysis.training.camera.camera_path import (
    CAMERA_MOVES,
    PAN_VIEWS,
    ROLL_DEGREES,
    ZOOM_FACTORS,
    random_camera_path,
)

ENDS = np.array([0.0, 1.0])
CENTRE_X, CENTRE_Y, SCALE, ANGLE = range(4)


def change(move: str, seed: int, difficulty: float) -> np.ndarray:
    path = random_camera_path(move, np.random.default_rng(seed), difficulty)
    first, last = path.poses(ENDS)
    return np.array([*(last - first)[:2], last[SCALE] / first[SCALE], last[ANGLE] - first[ANGLE]])


@pytest.mark.parametrize(
    ("move", "parameter", "low", "high"),
    [
        ("pan left", CENTRE_X, -PAN_VIEWS[1], -PAN_VIEWS[0]),
        ("pan right", CENTRE_X, PAN_VIEWS[0], PAN_VIEWS[1]),
        ("tilt up", CENTRE_Y, -PAN_VIEWS[1], -PAN_VIEWS[0]),
        ("tilt down", CENTRE_Y, PAN_VIEWS[0], PAN_VIEWS[1]),
        ("zoom in", SCALE, 1 / ZOOM_FACTORS[1], 1 / ZOOM_FACTORS[0]),
        ("zoom out", SCALE, ZOOM_FACTORS[0], ZOOM_FACTORS[1]),
        ("roll clockwise", ANGLE, *np.radians(ROLL_DEGREES)),
        ("roll counter-clockwise", ANGLE, *-np.radians(ROLL_DEGREES[::-1])),
    ],
)
def test_easy_moves_stay_in_their_range_and_change_nothing_else(move, parameter, low, high):
    still = np.array([0.0, 0.0, 1.0, 0.0])
    for seed in range(20):
        moved = change(move, seed, difficulty=0.0)
        assert low - 1e-9 <= moved[parameter] <= high + 1e-9
        others = np.arange(4) != parameter
        np.testing.assert_allclose(moved[others], still[others], atol=1e-9)


@pytest.mark.parametrize("move", CAMERA_MOVES)
def test_hard_moves_still_mostly_do_what_the_label_says(move):
    """Drift and hand shake stay well below the smallest labelled move of another class."""
    for seed in range(100):
        x, y, scale, angle = change(move, seed, difficulty=1.0)
        sizes = {
            "pan": abs(x) / PAN_VIEWS[0],
            "tilt": abs(y) / PAN_VIEWS[0],
            "zoom": abs(np.log(scale)) / np.log(ZOOM_FACTORS[0]),
            "roll": abs(angle) / np.radians(ROLL_DEGREES[0]),
        }
        own = sizes.pop(move.split()[0], 1.0)
        if move.startswith(("zoom", "roll")):
            # Off-centre zooms and rolls move the middle of the picture as well.
            sizes = {kind: size for kind, size in sizes.items() if kind in ("zoom", "roll")}
        assert own > 0.6
        assert max(sizes.values()) < own


def test_progress_rises_from_none_to_all():
    for seed in range(50):
        path = random_camera_path("pan left", np.random.default_rng(seed), 1.0)
        assert path.progress[0] == 0.0
        assert path.progress[-1] == pytest.approx(1.0)
        assert np.all(np.diff(path.progress) >= 0.0)


def test_unknown_move_is_refused():
    with pytest.raises(ValueError, match="Unknown camera move 'fly'"):
        random_camera_path("fly", np.random.default_rng(0), 1.0)
