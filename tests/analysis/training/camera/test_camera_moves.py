"""The training renderer against measurements of its frames and against a second renderer."""

import itertools

import numpy as np
import pytest

from analysis.training.camera.camera_moves import CameraMoves, random_frame_times
from analysis.training.camera.camera_path import CAMERA_MOVES
from analysis.training.camera.clip_files import ClipFormat, Picture, draw_frames
from analysis.training.camera.photograph_store import PhotographStore

LEFT, RIGHT = CAMERA_MOVES.index("pan left"), CAMERA_MOVES.index("pan right")
UP, DOWN = CAMERA_MOVES.index("tilt up"), CAMERA_MOVES.index("tilt down")
IN, OUT = CAMERA_MOVES.index("zoom in"), CAMERA_MOVES.index("zoom out")
CLOCKWISE = CAMERA_MOVES.index("roll clockwise")
COUNTER = CAMERA_MOVES.index("roll counter-clockwise")
STATIC = CAMERA_MOVES.index("static")


def easy_clips(store: PhotographStore, label: int, count: int = 6, frames: int = 16) -> np.ndarray:
    """Grey clips (count, T, 64, 64) of one class without nuisances, in small steps."""
    moves = CameraMoves(store, num_frames=frames)
    generator = np.random.default_rng(label)
    clips = np.empty((count, frames, 64, 64, 3), np.uint8)
    for clip in clips:
        moves.render(moves.imagine(label, generator, 0.0), generator, 0.0, clip)
    return clips.astype(np.float64).mean(axis=-1)


def shift_between(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Shift (down, right) in pixels of `second` against `first`, by phase correlation."""
    window = np.outer(np.hanning(first.shape[0]), np.hanning(first.shape[1]))
    a, b = (np.fft.fft2((image - image.mean()) * window) for image in (first, second))
    cross = b * np.conj(a)
    peak = np.fft.ifft2(cross / (np.abs(cross) + 1e-9)).real
    shift = np.array(np.unravel_index(peak.argmax(), peak.shape))
    sides = np.array(peak.shape)
    return np.where(shift > sides / 2, shift - sides, shift)


def mean_shift(clips: np.ndarray, region=np.s_[:, :]) -> np.ndarray:
    """Mean frame-to-frame shift (down, right) inside a region of the frames."""
    shifts = [
        shift_between(first[region], second[region])
        for clip in clips
        for first, second in itertools.pairwise(clip)
    ]
    return np.mean(shifts, axis=0)


@pytest.mark.parametrize(
    ("label", "down", "right"),
    [(LEFT, 0, 1), (RIGHT, 0, -1), (UP, 1, 0), (DOWN, -1, 0), (STATIC, 0, 0)],
    ids=lambda value: CAMERA_MOVES[value] if value in (LEFT, UP, DOWN) else str(value),
)
def test_content_moves_against_the_camera(store, label, down, right):
    measured = mean_shift(easy_clips(store, label))
    # A move of 0.68 to 1.2 views of 64 pixels over 15 steps: 2.9 to 5.1 pixels a step.
    for value, sign in zip(measured, (down, right), strict=True):
        if sign == 0:
            assert abs(value) < 0.7
        else:
            assert 2.0 < sign * value < 6.0


@pytest.mark.parametrize(("label", "sign"), [(IN, 1), (OUT, -1)], ids=["in", "out"])
def test_zooming_in_moves_content_outwards(store, label, sign):
    clips = easy_clips(store, label)
    right_half = mean_shift(clips, np.s_[16:48, 32:64])
    left_half = mean_shift(clips, np.s_[16:48, 0:32])
    assert sign * (right_half[1] - left_half[1]) > 0.5


@pytest.mark.parametrize(("label", "sign"), [(CLOCKWISE, 1), (COUNTER, -1)], ids=["cw", "ccw"])
def test_rolling_clockwise_turns_content_counter_clockwise(store, label, sign):
    """Turning counter-clockwise, the right edge moves up and the left edge down."""
    clips = easy_clips(store, label)
    right_edge = mean_shift(clips, np.s_[16:48, 32:64])
    left_edge = mean_shift(clips, np.s_[16:48, 0:32])
    assert sign * (left_edge[0] - right_edge[0]) > 0.5


@pytest.mark.parametrize(
    ("axis", "label", "becomes"),
    [
        (2, LEFT, RIGHT),
        (2, CLOCKWISE, COUNTER),
        (1, UP, DOWN),
        (1, COUNTER, CLOCKWISE),
        (0, LEFT, RIGHT),
        (0, UP, DOWN),
    ],
    ids=["mirror-pan", "mirror-roll", "flip-tilt", "flip-roll", "reverse-pan", "reverse-tilt"],
)
def test_flips_swap_the_measured_motion(store, axis, label, becomes):
    """Mirrored, upside down or backwards, a clip moves like the opposite class."""
    flipped = np.flip(easy_clips(store, label), axis + 1)
    other = easy_clips(store, becomes)
    if label in (CLOCKWISE, COUNTER):
        region, part = np.s_[16:48, 32:64], 0
    else:
        region, part = np.s_[:, :], 1 if label == LEFT else 0
    ours, theirs = (mean_shift(clips, region)[part] for clips in (flipped, other))
    assert np.sign(ours) == np.sign(theirs)
    assert abs(ours) > 0.25


@pytest.mark.parametrize("label", range(len(CAMERA_MOVES)), ids=CAMERA_MOVES)
def test_both_renderers_draw_the_same_clip(store, photographs, label):
    """The compiled renderer and Pillow agree on scene and foreground objects."""
    moves = CameraMoves(store, num_frames=4)
    generator = np.random.default_rng([7, label])
    clip = moves.imagine(label, generator, 1.0)
    while not clip.objects:
        clip = moves.imagine(label, generator, 1.0)
    pictures = [Picture(photograph.pixels) for photograph in photographs]
    form = ClipFormat(64, 64, 4, 1.0)
    drawn = draw_frames(
        clip, lambda time: pictures[clip.viewpoint.photograph], pictures.__getitem__, form
    )
    expected = np.stack([np.asarray(frame, np.float32) for frame in drawn])
    frames = np.empty((4, 64, 64, 3), np.float32)
    times = np.linspace(0.0, 1.0, 4)
    moves.draw(clip, times, 0.0, generator, frames)
    # They filter differently, so that single pixels differ at edges; means of 4x4 pixels do not.
    ours, theirs = (
        image.reshape(4, 16, 4, 16, 4, 3).mean(axis=(2, 4)) for image in (frames, expected)
    )
    assert np.median(np.abs(ours - theirs)) < 4.0
    assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.98


def test_the_same_seed_gives_the_same_batch(store):
    moves = CameraMoves(store)
    first = moves.batch(12, np.random.default_rng(5))
    again = moves.batch(12, np.random.default_rng(5))
    other = moves.batch(12, np.random.default_rng(6))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])


def test_classes_are_balanced(store):
    _, labels = CameraMoves(store, image_size=16).batch(40, np.random.default_rng(0))
    counts = np.bincount(labels, minlength=len(CAMERA_MOVES))
    assert counts.min() == 4
    assert counts.max() == 5


def test_static_clips_with_objects_do_move(store):
    """Otherwise any motion at all would give the camera away."""
    moves, generator = CameraMoves(store), np.random.default_rng(1)
    clips = [moves.imagine(STATIC, generator, 1.0) for _ in range(60)]
    assert sum(bool(clip.objects) for clip in clips) > 20
    assert sum(not clip.objects for clip in clips) > 15


def test_frame_times_are_those_of_a_reader():
    generator = np.random.default_rng(0)
    for _ in range(50):
        times, spacing = random_frame_times(8, generator)
        assert np.all(np.diff(times) >= 0)
        assert times[0] >= 0
        assert times[-1] <= 1
        # Whole frames of a clip.
        np.testing.assert_allclose(times / spacing, np.round(times / spacing), atol=1e-6)
