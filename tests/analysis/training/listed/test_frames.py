"""Which frames a training clip is made of, and their pixels."""

import numpy as np
import pytest
from PIL import Image

from analysis.training.listed.frames import read_entry, read_picture, ssv2_train_indices
from analysis.training.listed.list_file import Entry
from analysis.video.decode import read_frames
from analysis.video.limits import VideoError


@pytest.mark.parametrize(("frame_count", "num_frames"), [(37, 8), (16, 8), (100, 7), (9, 8)])
def test_ssv2_training_takes_any_frame_of_each_segment(frame_count, num_frames):
    generator = np.random.default_rng(0)
    drawn = np.stack(
        [ssv2_train_indices(frame_count, num_frames, generator) for _ in range(400)], axis=1
    )
    for segment, frames in enumerate(drawn):
        first = segment * frame_count // num_frames
        after = (segment + 1) * frame_count // num_frames
        assert set(frames) == set(range(first, after))


def test_ssv2_training_repeats_frames_of_short_clips():
    indices = ssv2_train_indices(3, 8, np.random.default_rng(0))
    assert indices.tolist() == [0, 0, 0, 1, 1, 1, 2, 2]


def test_only_the_part_between_start_and_end_is_read(clips_folder):
    path = str(clips_folder / "mocap_walk.mp4")
    counts = []

    def ends(frame_count):
        counts.append(frame_count)
        return np.array([0, frame_count - 1])

    # 25 frames a second: from frame 25 up to, not with, frame 50.
    frames = read_entry(Entry(1, path, 0, 1.0, 2.0), ends)
    assert counts == [25]
    np.testing.assert_array_equal(frames, read_frames(path, [25, 49]))


def test_a_part_behind_the_end_is_one_sentence(clips_folder):
    entry = Entry(1, str(clips_folder / "mocap_kick.mp4"), 0, 5.0, 6.0)
    with pytest.raises(VideoError, match=r'"mocap_kick.mp4" has no frame between 5 s and 6 s; its'):
        read_entry(entry, lambda count: np.zeros(1, int))


def test_pictures_are_upright_rgb(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (5, 9, 3), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by a quarter
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(read_picture(str(tmp_path / "a.png"))[0], np.rot90(pixels, -1))
    Image.fromarray(pixels[..., 0]).save(tmp_path / "grey.png")
    assert read_picture(str(tmp_path / "grey.png")).shape == (1, 5, 9, 3)


def test_what_is_no_picture_is_one_sentence(broken_clip):
    with pytest.raises(VideoError, match=r'"broken.mp4" is no picture that can be read'):
        read_picture(str(broken_clip))
