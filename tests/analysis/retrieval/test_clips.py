"""Which frames the video-text model is shown, and how."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from PIL import Image

from analysis.retrieval.clips import read_clip
from analysis.video.decode import read_frames
from analysis.video.limits import VideoError
from analysis.video.preprocess import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    retrieval_preprocessing,
    to_clip,
)
from analysis.video.probe import probe


@pytest.mark.parametrize("name", ["bigbuckbunny.mp4", "hand_cup.mp4"])
def test_middle_frames_scaled_straight_to_a_square(clips_folder, name):
    """Against Pillow's bicubic filter, which torch follows within a grey level."""
    path = clips_folder / name
    clip = read_clip(path, 4, retrieval_preprocessing(32))
    count = probe(path).frame_count
    edges = [int(count * part / 4) for part in range(5)]
    middles = [(a + b - 1) // 2 for a, b in pairwise(edges)]
    for number, frame in enumerate(read_frames(path, middles)):
        small = Image.fromarray(frame).resize((32, 32), Image.Resampling.BICUBIC)
        expected = (np.asarray(small) / 255 - IMAGENET_MEAN) / IMAGENET_STD
        found = clip[:, number].permute(1, 2, 0).double().numpy()
        np.testing.assert_allclose(found, expected, atol=1.01 / 255 / min(IMAGENET_STD))
    assert clip.dtype == torch.float32


def test_only_the_first_seconds(clips_folder):
    """The clip counts as if it ended there: as many whole frames as its rate has in them."""
    path = clips_folder / "bigbuckbunny.mp4"
    info, preprocessing = probe(path), retrieval_preprocessing(16)
    count = int(2.0 * info.fps)
    assert count < info.frame_count
    middles = [(int(count * i / 3) + int(count * (i + 1) / 3) - 1) // 2 for i in range(3)]
    expected = to_clip(read_frames(path, middles), preprocessing)
    assert torch.equal(read_clip(path, 3, preprocessing, first_s=2.0), expected)
    whole = read_clip(path, 3, preprocessing)
    assert torch.equal(read_clip(path, 3, preprocessing, first_s=60.0), whole)
    assert not torch.equal(whole, expected)


def test_unreadable_files_are_one_sentence(tmp_path):
    file = tmp_path / "text.mp4"
    file.write_text("no video")
    with pytest.raises(VideoError, match=r"text\.mp4"):
        read_clip(file, 4, retrieval_preprocessing(16))
