"""What is kept of a window is worth what the model itself says of it."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from analysis.retrieval.clips import read_clip
from analysis.retrieval.errors import RetrievalError
from analysis.retrieval.index.embeddings import (
    GROUP,
    embed_part,
    embed_text,
    embed_windows,
    groups,
)
from analysis.retrieval.index.library import cut_video, part_of_video
from analysis.retrieval.index.search import search_text
from analysis.text.word_pieces import WordPieces, read_vocabulary
from analysis.video.decode import decode_frames
from analysis.video.preprocess import to_clip
from analysis.video.sampling import retrieval_middle_indices

pytestmark = pytest.mark.usefixtures("one_thread")
TEXTS = ("a man walks", "The red rabbit is walking, slowly!", "hand tilts the cup", "dog")


@pytest.fixture(scope="module")
def pieces(vocabulary):
    return WordPieces(read_vocabulary(vocabulary))


@pytest.fixture
def cut(clips_folder):
    return cut_video(clips_folder / "mocap_walk.mp4", 1.0, 0.2)


def clip_of(loaded, cut, number):
    """A window's clip, read by itself."""
    window = cut.windows[number]
    chosen = window.start + retrieval_middle_indices(window.stop - window.start, 4)
    return to_clip(decode_frames(cut.path, chosen).pixels, loaded.preprocessing)[None]


def test_products_are_the_models_own_similarities(loaded, pieces, cut, store, settings):
    records = [
        record
        for numbers in groups(len(cut.windows))
        for record in embed_windows(loaded, cut, numbers, "walk.mp4", "hash")
    ]
    assert len(records) == len(cut.windows) > GROUP
    store.add(records, settings)
    clips = [clip_of(loaded, cut, number) for number in range(len(cut.windows))]
    for text in TEXTS:
        direction, left_out = embed_text(loaded, pieces, text)
        assert left_out == 0
        words = pieces.encode([text.lower().rstrip("!").replace(",", "")], 16)
        with torch.inference_mode():
            own = [loaded.model(clip, words.tokens).item() for clip in clips]
        rows = store.nearest(direction, len(own), ["number"])
        assert [row["score"] for row in rows] == pytest.approx(sorted(own, reverse=True), abs=1e-5)
        found = {row["number"]: row["score"] for row in rows}
        assert [found[number] for number in range(len(own))] == pytest.approx(own, abs=1e-5)
        assert search_text(store, direction, top=1)[0].score == pytest.approx(max(own), abs=1e-5)
    # Directions of frames differ, so that their mean is shorter: it has to stay so.
    lengths = [np.linalg.norm(record.embedding) for record in records]
    assert min(lengths) < 0.999


def test_a_record_says_where_and_shows_it(loaded, cut):
    (record,) = embed_windows(loaded, cut, [3], "folder/walk.mp4", "hash")
    assert (record.number, record.windows) == (3, len(cut.windows))
    assert (record.width, record.height) == (cut.info.width, cut.info.height)
    assert record.t0 == pytest.approx(0.6, abs=0.05)
    assert record.t1 - record.t0 == pytest.approx(1.0, abs=0.05)
    picture = Image.open(io.BytesIO(record.thumbnail))
    assert picture.format == "WEBP"
    assert min(picture.size) <= 144
    window = cut.windows[3]
    middle = window.start + retrieval_middle_indices(window.stop - window.start, 4)[2]
    frame = Image.fromarray(decode_frames(cut.path, [middle]).pixels[0]).resize(picture.size)
    difference = np.asarray(picture, np.float32) - np.asarray(frame, np.float32)
    assert np.abs(difference).mean() < 6


def test_windows_reach_from_the_first_frame_to_the_end(cut):
    assert cut.times_s[0, 0] == 0
    assert cut.times_s[-1, 1] == pytest.approx(cut.info.duration_s)
    assert (np.diff(cut.times_s[:, 0]) > 0).all()
    assert (cut.times_s[1:, 0] < cut.times_s[:-1, 1]).all()


def test_a_whole_video_is_what_an_evaluation_sees(loaded, clips_folder):
    path = clips_folder / "mocap_crawl.mp4"
    clip = read_clip(path, 4, loaded.preprocessing)[None]
    with torch.inference_mode():
        expected = loaded.model.video_directions(loaded.model.see(clip).pooled)[0].mean(0)
    found = embed_part(loaded, part_of_video(path, None, None))
    torch.testing.assert_close(torch.from_numpy(found), expected)


def test_a_part_of_a_video(loaded, clips_folder):
    path = clips_folder / "mocap_walk.mp4"
    part = part_of_video(path, 1.0, 2.0)
    (times,) = part.times_s
    assert times == pytest.approx([1.0, 2.0], abs=0.05)
    assert embed_part(loaded, part).shape == (12,)
    with pytest.raises(RetrievalError, match=r"has no frame from 90 s to 95 s; it lasts"):
        part_of_video(path, 90, 95)


def test_texts_without_words_and_too_many(loaded, pieces):
    with pytest.raises(RetrievalError, match="There are no words to look for"):
        embed_text(loaded, pieces, " ?!")
    # The debug model has 16 positions.
    direction, left_out = embed_text(loaded, pieces, "the man " * 10)
    assert left_out == 6
    same, _ = embed_text(loaded, pieces, "the man " * 7)
    np.testing.assert_allclose(direction, same)
