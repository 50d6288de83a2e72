"""A moment is read as the index reads its window, and a whole video as the evaluation does."""

import pytest
import torch

from analysis.retrieval.clips import read_clip
from analysis.retrieval.errors import RetrievalError
from analysis.retrieval.evaluation import encode_clip
from analysis.retrieval.index.embeddings import embed_windows
from analysis.retrieval.index.library import cut_video
from analysis.retrieval.moment_clip import read_moment

pytestmark = pytest.mark.usefixtures("one_thread")


def test_a_window_of_the_index_is_the_same_clip(loaded, clips_folder):
    cut = cut_video(clips_folder / "hand_cup.mp4", 2.0, 1.0)
    for record in embed_windows(loaded, cut, [0, 3], "hand_cup.mp4", "hash"):
        moment = read_moment(loaded, cut.path, record.t0, record.t1)
        assert all(record.t0 <= time < record.t1 for time in moment.frame_times_s)
        assert moment.pixels.shape == (4, 16, 16, 3)
        directions = encode_clip(loaded.model, moment.clip).directions
        expected = torch.as_tensor(record.embedding)
        torch.testing.assert_close(directions.mean(0), expected, rtol=0, atol=1e-5)


def test_a_whole_video_is_read_as_in_an_evaluation(loaded, clips_folder):
    path = clips_folder / "mocap_walk.mp4"
    expected = read_clip(path, 4, loaded.preprocessing)
    torch.testing.assert_close(read_moment(loaded, path).clip, expected, rtol=0, atol=0)


def test_a_time_without_frames_is_one_sentence(loaded, clips_folder):
    with pytest.raises(RetrievalError, match="has no frame from 90 s"):
        read_moment(loaded, clips_folder / "hand_cup.mp4", 90.0, 92.0)
