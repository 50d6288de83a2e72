"""Camera moves as video files, read back by the room that reads videos."""

import numpy as np
import pytest

from analysis.training.camera.camera_moves import CameraMoves
from analysis.training.camera.camera_path import CAMERA_MOVES
from analysis.training.camera.clip_files import ClipFormat, Picture, write_clip
from analysis.training.camera.evaluation import read_clip_file
from analysis.video.decode import read_frames
from analysis.video.probe import probe


@pytest.mark.parametrize(
    "form",
    [
        ClipFormat(96, 64, 12, 1.0, 28),
        ClipFormat(160, 90, 60, 0.5, 20),
        ClipFormat(90, 120, 24, 1.5, 35),
    ],
    ids=["12 fps", "60 fps", "portrait"],
)
def test_a_file_has_the_form_asked_for_and_becomes_model_input(store, photographs, tmp_path, form):
    generator = np.random.default_rng(0)
    clip = CameraMoves(store).imagine(1, generator, extent=form.extent)
    pictures = [Picture(photograph.pixels) for photograph in photographs]
    path = tmp_path / "a clip.mp4"
    picture = pictures[clip.viewpoint.photograph]
    write_clip(path, clip, lambda time: picture, pictures.__getitem__, form, generator)
    info = probe(path)
    assert (info.width, info.height) == (form.width, form.height)
    assert info.frame_count == form.frame_count == round(form.frame_rate * form.duration_s)
    assert info.fps == pytest.approx(form.frame_rate, rel=0.02)
    assert read_clip_file(path, 8, 64).shape == (3, 8, 64, 64)
    assert [p.name for p in tmp_path.iterdir()] == ["a clip.mp4"]


def test_a_whole_frame_stays_inside_the_photograph(store, photographs):
    """Also in a wide frame: the corners of every frame during a move lie inside."""
    generator = np.random.default_rng(1)
    form = ClipFormat(160, 90)
    inside = 0
    for number in range(45):
        clip = CameraMoves(store).imagine(number % 9, generator, 0.0, form.extent)
        maps = clip.viewpoint.matrices(clip.path.poses(np.linspace(0, 1, 17)), 160, 90)
        corners = np.array([[-0.5, 159.5, -0.5, 159.5], [-0.5, -0.5, 89.5, 89.5], [1, 1, 1, 1]])
        x, y = np.moveaxis(maps @ corners, 1, 0)
        size = photographs[clip.viewpoint.photograph].pixels.shape
        inside += min(x.min(), y.min()) > -1 and x.max() < size[1] + 1 and y.max() < size[0] + 1
    # A few long moves do not fit even at the smallest useful view: borders are mirrored there.
    assert inside >= 30


def test_panning_left_moves_content_right_in_the_file(store, photographs, tmp_path):
    generator = np.random.default_rng(3)
    form = ClipFormat(96, 96, 30, 1.0, 18)
    pan_left = CAMERA_MOVES.index("pan left")
    clip = CameraMoves(store).imagine(pan_left, generator, 0.0)
    picture = Picture(photographs[clip.viewpoint.photograph].pixels)
    path = tmp_path / "pan.mp4"
    write_clip(path, clip, lambda time: picture, lambda number: picture, form, generator)
    first, second = read_frames(path, [14, 15]).astype(float).mean(axis=-1)
    # The shift to the right that makes the second frame fit the first best.
    errors = [np.abs(second[:, s:] - first[:, : 96 - s]).mean() for s in range(12)]
    assert np.argmin(errors) >= 2
