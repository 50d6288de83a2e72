"""The object is tracked by its colour: it moves where the caption says."""

import itertools

import numpy as np
import pytest

from analysis.training.camera.camera_path import CAMERA_MOVES
from analysis.training.moving_objects.captions import phrasings
from analysis.training.moving_objects.composition import (
    COLOURS,
    DIRECTIONS,
    SHAPES,
    Composition,
    is_never_seen,
)
from analysis.training.moving_objects.data import MovingObjectsData, MovingObjectsMaterial
from analysis.training.moving_objects.moving_objects import MovingObjects
from analysis.training.moving_objects.shapes import paint_shape
from analysis.training.source import RunShape

# Right and down, as in pictures.
STEPS = {
    "still": (0, 0),
    "right": (1, 0),
    "right and up": (1, -1),
    "up": (0, -1),
    "left and up": (-1, -1),
    "left": (-1, 0),
    "left and down": (-1, 1),
    "down": (0, 1),
    "right and down": (1, 1),
}
GREY = [name for name in COLOURS if name in ("white", "black")]


def positions(frames: np.ndarray) -> np.ndarray:
    """Centres (T, 2), right and down in views, of all that is not grey in frames (T, H, W, 3)."""
    spread = np.ptp(frames.astype(np.float64), axis=-1)
    weights = np.where(spread > 60, spread, 0)
    rows, columns = np.indices(spread.shape[1:])
    size = spread.shape[1]
    total = weights.sum(axis=(1, 2))
    x = (weights * columns).sum(axis=(1, 2)) / total
    y = (weights * rows).sum(axis=(1, 2)) / total
    return (np.stack([x, y], axis=1) + 0.5) / size - 0.5


def rendered(objects: MovingObjects, composition: Composition, seed: int):
    generator = np.random.default_rng(seed)
    clip = objects.imagine(composition, generator, 0.0)
    pixels = np.empty((8, 64, 64, 3), np.uint8)
    objects.render(clip, generator, 0.0, pixels)
    return clip, pixels


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_under_a_fixed_camera_it_moves_as_it_is_called(store, direction):
    objects = MovingObjects(store)
    for seed, colour in enumerate(name for name in COLOURS if name not in GREY):
        composition = Composition("circle", colour, direction, "static")
        _, pixels = rendered(objects, composition, seed)
        first, last = positions(pixels)[[0, -1]]
        travel = last - first
        wanted = np.array(STEPS[direction], float)
        if direction == "still":
            assert np.hypot(*travel) < 0.02
        else:
            wanted /= np.hypot(*wanted)
            assert travel @ wanted > 0.2
            assert abs(np.cross([*travel, 0], [*wanted, 0])[2]) < 0.25 * (travel @ wanted)


@pytest.mark.parametrize("camera", CAMERA_MOVES)
def test_against_the_scene_it_moves_as_it_is_called(store, camera):
    """Screen positions, put back into the scene by the camera's first and last pose."""
    objects = MovingObjects(store)
    for seed, direction in enumerate(DIRECTIONS):
        composition = Composition("square", "red", direction, camera)
        clip, pixels = rendered(objects, composition, seed)
        # Sampling rules skip up to a sixteenth of the clip at both ends.
        poses = clip.scene.path.poses(np.array([0.03, 0.97]))
        places = []
        for position, (x, y, scale, angle) in zip(positions(pixels)[[0, -1]], poses, strict=True):
            cos, sin = scale * np.cos(angle), scale * np.sin(angle)
            places.append(np.array([x, y]) + np.array([[cos, -sin], [sin, cos]]) @ position)
        travel = places[1] - places[0]
        wanted = np.array(STEPS[direction], float)
        if direction == "still":
            assert np.hypot(*travel) < 0.1
        else:
            wanted /= np.hypot(*wanted)
            assert travel @ wanted > 0.2
            assert abs(np.cross([*travel, 0], [*wanted, 0])[2]) < 0.4 * (travel @ wanted)


def test_the_object_stays_in_the_picture(store):
    objects = MovingObjects(store)
    generator = np.random.default_rng(4)
    times = np.linspace(0, 1, 9)
    for camera, direction in itertools.product(CAMERA_MOVES, DIRECTIONS):
        clip = objects.imagine(Composition("star", "blue", direction, camera), generator, 1.0)
        placements = clip.thing.placements(times, clip.scene.path.poses(times))
        assert np.abs(placements[:, :2]).max() < 0.55


AREAS = {
    "circle": np.pi,
    "square": 2.0,
    "triangle": 3 * np.sqrt(3) / 4,
    # Ten triangles between the middle, a tip at 1 and an inner corner at 0.42.
    "star": 10 * 0.5 * 0.42 * np.sin(np.pi / 5),
    # Two bars of 0.6 by 1.9, cut by the unit circle only at radius 0.996, less their square.
    "cross": 2 * 0.6 * 1.9 - 0.6**2,
    "ring": 0.7 * np.pi,
}


@pytest.mark.parametrize("shape", SHAPES)
def test_shapes_have_their_areas(shape):
    frames = np.zeros((1, 128, 128, 3), np.float32)
    placements = np.array([[64.0, 64.0, 50.0, 0.3]])
    paint_shape(SHAPES.index(shape), placements, np.full(3, 200, np.float32), frames)
    assert frames[0, ..., 1].sum() / 200 == pytest.approx(AREAS[shape] * 50**2, rel=0.01)


def test_triangles_and_stars_point_up():
    for shape in ("triangle", "star"):
        frames = np.zeros((1, 64, 64, 3), np.float32)
        placements = np.array([[32.0, 32.0, 25.0, 0.0]])
        paint_shape(SHAPES.index(shape), placements, np.full(3, 200, np.float32), frames)
        widths = (frames[0, ..., 0] > 100).sum(axis=1)
        rows = np.flatnonzero(widths)
        assert rows[0] == pytest.approx(8, abs=1)
        assert widths[rows[0]] <= 3


@pytest.mark.parametrize("split", ["seen", "never_seen"])
def test_a_batch_says_what_it_shows(store, split):
    batch = MovingObjects(store, split, num_frames=4, image_size=32).batch_of(
        18, np.random.default_rng(0)
    )
    assert batch.pixels.shape == (18, 4, 32, 32, 3) and batch.pixels.dtype == np.uint8
    for sentence, composition in zip(batch.captions, batch.compositions, strict=True):
        assert sentence in phrasings(composition)
        assert is_never_seen(composition) == (split == "never_seen")
    directions = sorted(composition.direction for composition in batch.compositions)
    assert directions == sorted(DIRECTIONS * 2)


def test_a_step_is_the_same_whenever_it_is_asked_for(photographs):
    material = MovingObjectsMaterial(MovingObjectsData(held_out_share=0.3), photographs)
    assert (len(material.training_photographs), len(material.held_out_photographs)) == (6, 2)
    run = RunShape(seed=1, batch_size=9, steps=10, num_frames=4, image_size=32)
    source, again = material.training(run), material.training(run)
    batch = source.batch(4)
    source.batch(5)
    assert again.batch(4).clips.equal(batch.clips)
    assert sorted(batch.targets.tolist()) == list(range(9))
    assert not source.batch(5).clips.equal(batch.clips)
    held_out = list(material.held_out(run, 100))
    assert [len(part) for part in held_out] == [90, 10]
    assert held_out[0].clips.equal(next(material.held_out(run, 100)).clips)
