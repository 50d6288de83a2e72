"""The compiled drawing of limbs against geometry and against pybullet's renderer."""

import numpy as np
import pytest

from analysis.training.motion_capture.body import (
    LIMB_ENDS,
    LIMB_RADII,
    draw_limbs,
    random_appearance,
)
from analysis.training.motion_capture.filming import Shot
from analysis.training.motion_capture.skeleton import interpolated, read_skeleton

WHITE = np.full((2, 3), 255.0)
FRONT = np.array([0.0, 0.0, 1.0])


def drawn(points, ends, radii, colours, ambient=1.0, size=32) -> np.ndarray:
    frames = np.zeros((1, size, size, 3), np.float32)
    arrays = np.array([points], float), np.array(ends), np.array(radii, float)
    draw_limbs(*arrays, np.asarray(colours, float), FRONT, ambient, frames)
    return frames[0]


def test_a_limb_covers_a_stadium():
    """A 10 pixel line with radius 4 covers 10 x 8 + pi 4^2 pixels."""
    picture = drawn([[10, 16, 5, 1], [20, 16, 5, 1]], [[0, 1]], [[4, 4]], WHITE)
    assert picture[..., 0].sum() / 255 == pytest.approx(80 + 16 * np.pi, rel=0.02)
    assert picture[16, 5].max() == 0 and picture[16, 15].min() == 255


def test_a_point_covers_a_disc_that_is_bright_in_the_middle():
    picture = drawn([[16, 16, 5, 1]], [[0, 0]], [[6, 6]], WHITE, ambient=0.0)
    assert picture[16, 16, 0] == pytest.approx(255)
    # The normal of a sphere at 3/5 of its radius points 4/5 to the front.
    assert drawn([[16, 16, 5, 1]], [[0, 0]], [[10, 10]], WHITE, ambient=0.0)[16, 22, 0] == (
        pytest.approx(0.8 * 255, rel=1e-4)
    )


@pytest.mark.parametrize(("distance", "expected"), [(4.0, 200.0), (6.0, 100.0)])
def test_the_nearer_limb_is_in_front(distance, expected):
    points = [[16, 16, distance, 1], [16, 16, 5, 1]]
    colours = [[200.0] * 3, [100.0] * 3]
    assert drawn(points, [[0, 0], [1, 1]], [[5, 5], [5, 5]], colours)[16, 16, 0] == expected


def test_limbs_outside_the_picture_are_cut():
    picture = drawn([[-40, -3, 5, 1], [60, -3, 5, 1]], [[0, 1]], [[5, 5]], WHITE)
    assert picture[0].min() == 255 and picture[4:].max() == 0


def test_left_and_right_are_dressed_alike():
    look = random_appearance(np.random.default_rng(3))
    half = len(LIMB_ENDS) - 6
    np.testing.assert_array_equal(look.colours[half - 6 : half], look.colours[half:])
    assert look.colours.min() >= 0 and look.colours.max() <= 255
    assert np.linalg.norm(look.light) == pytest.approx(1.0)


@pytest.mark.parametrize(("azimuth", "elevation"), [(0.3, 0.1), (1.5, 0.5), (-2.4, 0.3)])
def test_outlines_agree_with_pybullets_renderer(humanoid, azimuth, elevation):
    """pybullet's own figure is thinner, with gaps: nearly all of it lies inside ours."""
    frame = interpolated(humanoid.frames("walk"), 60.0)[30:31]
    points = read_skeleton(humanoid.data / "humanoid" / "humanoid.urdf").points(frame)
    shot = Shot(azimuth, elevation, 0.0, False, 6.0, 2.4, 0.0, 0.0, 0.0, 1.0)
    seen, _ = shot.project(points, 128)
    ours = np.zeros((1, 128, 128, 3), np.float32)
    colours = np.full((len(LIMB_ENDS), 3), 255.0)
    draw_limbs(seen, LIMB_ENDS, LIMB_RADII, colours, FRONT, 1.0, ours)
    covered = ours[0, ..., 0] > 127
    humanoid.pose(frame[0])
    theirs = humanoid.outline(points[0, 0], azimuth, elevation, distance_m=6.0, view_m=2.4)
    assert (covered & theirs).sum() > 0.9 * theirs.sum()
    assert theirs.sum() > 0.5 * covered.sum()
