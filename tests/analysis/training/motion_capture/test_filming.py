"""The camera and the split by viewpoint and speed."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from analysis.training.motion_capture.filming import (
    SPLITS,
    Shot,
    random_shot,
    random_start_s,
)

SHOT = Shot(0.0, 0.0, 0.0, False, 5.0, 2.0, 0.0, 0.0, 0.0, 1.0)


def seen(shot: Shot, *points: tuple[float, float, float], size: int = 101) -> np.ndarray:
    """Image points of one frame; the first point is the root."""
    return shot.project(np.array([points], float), size)[0][0]


@pytest.mark.parametrize(
    ("shot", "point", "column", "row"),
    [
        (SHOT, (0, 0, 1), 50, 50),
        (SHOT, (0, 0, 1.5), 50, 50 - 0.5 * 50.5),
        # From the front, the person's left is on the right of the picture.
        (SHOT, (0, 0.5, 1), 50 + 0.5 * 50.5, 50),
        (replace(SHOT, mirrored=True), (0, 0.5, 1), 50 - 0.5 * 50.5, 50),
        # From the person's left, forward is on the left.
        (replace(SHOT, azimuth=np.pi / 2), (0.5, 0, 1), 50 - 0.5 * 50.5, 50),
        # From straight above in front of the person, forward is down.
        (replace(SHOT, elevation=np.pi / 2), (0.5, 0, 1), 50, 50 + 0.5 * 50.5),
        (replace(SHOT, height_m=0.5), (0, 0, 1.5), 50, 50),
        (replace(SHOT, aside_m=0.5), (0, 0.5, 1), 50, 50),
        # Twice as near as the root, twice as large.
        (SHOT, (2.5, 0.5, 1), 50 + 50.5, 50),
    ],
    ids=[
        "root",
        "up",
        "left-limb",
        "mirrored",
        "from-the-left",
        "from-above",
        "aims-higher",
        "aims-aside",
        "nearer",
    ],
)
def test_points_land_where_geometry_says(shot, point, column, row):
    points = seen(shot, (0, 0, 1), point)
    np.testing.assert_allclose(points[1, :2], (column, row), atol=1e-9)


def test_rolling_keeps_distances_from_the_middle():
    straight, rolled = (
        seen(replace(SHOT, roll=roll), (0, 0, 1), (0, 0.3, 1.4))[1, :2] - 50 for roll in (0.0, 0.7)
    )
    assert np.hypot(*straight) == pytest.approx(np.hypot(*rolled))
    assert not np.allclose(straight, rolled)


@pytest.mark.parametrize(
    ("lag", "step_m", "column_travel", "pan"),
    [(0.0, 0.1, 0.0, 0.1), (1.0, 0.1, 0.1 * 50.5, 0.0), (0.5, 0.1, 0.05 * 50.5, 0.05)],
    ids=["follows", "stands", "halfway"],
)
def test_a_lagging_camera_lets_the_person_travel(lag, step_m, column_travel, pan):
    walk = np.zeros((5, 1, 3))
    walk[:, 0, 1] = step_m * np.arange(5)
    points, panned = replace(SHOT, lag=lag).project(walk, 101)
    np.testing.assert_allclose(np.diff(points[:, 0, 0]), column_travel, atol=1e-9)
    np.testing.assert_allclose(np.diff(panned), pan, atol=1e-9)


def test_nobody_runs_out_of_the_picture():
    run = np.zeros((5, 1, 3))
    run[:, 0, 1] = 2.0 * np.arange(5)
    points, _ = replace(SHOT, lag=1.0).project(run, 100)
    assert np.abs(points[:, 0, 0] - 49.5).max() == pytest.approx(0.3 * 100)


def off_axis_degrees(azimuth: float) -> float:
    """Angle to the line the person faces along, the same from all four quarters."""
    folded = abs(np.degrees(azimuth)) % 180
    return min(folded, 180 - folded)


@pytest.mark.parametrize("name", SPLITS)
def test_shots_stay_within_their_split(name):
    generator = np.random.default_rng(5)
    shots = [random_shot(SPLITS[name], generator, 1.0) for _ in range(400)]
    values = {
        "off_axis_degrees": [off_axis_degrees(shot.azimuth) for shot in shots],
        "elevation_degrees": [np.degrees(shot.elevation) for shot in shots],
        "speed": [shot.speed for shot in shots],
    }
    for key, drawn in values.items():
        ranges = getattr(SPLITS[name], key)
        inside = [[low - 1e-9 <= x <= high + 1e-9 for x in drawn] for low, high in ranges]
        assert np.any(inside, axis=0).all()
        assert np.any(inside, axis=1).all()
    # All four quarters, mirrored or not.
    quarters = {(np.cos(s.azimuth) > 0, np.sin(s.azimuth) > 0, s.mirrored) for s in shots}
    assert len(quarters) == 8


@pytest.mark.parametrize("key", ["off_axis_degrees", "elevation_degrees", "speed"])
def test_the_splits_do_not_touch(key):
    pairs = itertools.product(getattr(SPLITS["training"], key), getattr(SPLITS["held_out"], key))
    for (low, high), (other_low, other_high) in pairs:
        assert high < other_low or other_high < low


@pytest.mark.parametrize("duration", [0.8, 1.5, 3.8])
@pytest.mark.parametrize("span", [0.84, 1.96])
def test_two_thirds_of_a_clip_are_motion(duration, span):
    generator = np.random.default_rng(0)
    for _ in range(100):
        start = random_start_s(duration, False, span, generator)
        motion = min(start + span, duration) - max(start, 0.0)
        assert motion > min(duration, span) * 0.65 or motion > duration * 0.4
        assert 0 <= random_start_s(duration, True, span, generator) <= duration
