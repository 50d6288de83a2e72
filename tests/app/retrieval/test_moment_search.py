"""What is found in a library, against plain products and loops."""

import statistics
from dataclasses import replace

import numpy as np
import pytest
import torch

from analysis.retrieval.errors import RetrievalError
from analysis.retrieval.index.embeddings import embed_part, embed_text
from analysis.retrieval.index.library import cut_video, part_of_video
from analysis.retrieval.index.search import Filters
from analysis.text.word_pieces import plain_text
from analysis.video.decode import decode_frames
from analysis.video.preprocess import to_clip
from analysis.video.sampling import retrieval_middle_indices
from app.moment_search import (
    ClipPart,
    SearchQuestion,
    chosen_moment,
    moment_rows,
    search_library,
    search_settings,
    window_rows,
)
from app.time_range import time_range
from app.video_text import own_words
from tests.app.retrieval.conftest import MAKING

TEXT = "the camera pans right"


@pytest.fixture
def ask(made_library, video_text):
    def ask(text="", **options):
        return search_library(video_text, SearchQuestion(made_library, text, **options))

    return ask


def clip_of(loaded, library, moment):
    """A window's frames as the model is shown them, by way of the file alone."""
    cut = cut_video(library.path_of(moment.video), MAKING.window_s, MAKING.stride_s)
    (window,) = (
        window
        for window, (t0, _) in zip(cut.windows, cut.times_s, strict=True)
        if abs(t0 - moment.t0) < 1e-6
    )
    indices = window.start + retrieval_middle_indices(window.stop - window.start, 8)
    return to_clip(decode_frames(cut.path, indices).pixels, loaded.preprocessing)[None]


@torch.inference_mode()
def test_similarity_and_match_are_the_models_own(ask, made_library, video_text):
    answer = ask(TEXT, top=3, closer=True)
    with video_text.loaded() as loaded:
        model = loaded.model
        batch = video_text.pieces().encode([TEXT], 32)
        read = model.read(batch.tokens, batch.padding)
        for one in answer.found:
            clip = clip_of(loaded, made_library, one.moment)
            assert one.moment.score == pytest.approx(
                model(clip, batch.tokens, batch.padding).item(), abs=1e-5
            )
            match = model.match(read, batch.padding, model.see(clip).patches)[0, 1].item()
            assert one.match == pytest.approx(match, abs=1e-4)
    assert answer.closer >= len(answer.found) == 3
    matches = [one.match for one in answer.found]
    assert matches == sorted(matches, reverse=True)


def test_match_alone_decides_among_the_nearest(ask):
    """All windows that do not overlap are looked at again: the order is that of their matches."""
    by_match, by_similarity = ask(TEXT, closer=True), ask(TEXT)
    assert {one.moment.id for one in by_match.found} == {
        one.moment.id for one in by_similarity.found
    }
    scores = [one.moment.score for one in by_similarity.found]
    assert scores == sorted(scores, reverse=True)
    assert all(one.match is None for one in by_similarity.found) and by_similarity.closer == 0


def test_every_window_is_scored_by_a_plain_product(ask, made_library, video_text):
    answer = ask(TEXT, top=1, filters=Filters(video="mocap_walk.mp4"))
    with video_text.loaded() as loaded:
        direction, _ = embed_text(loaded, video_text.pieces(), TEXT)
    table = made_library.store.table.to_arrow()
    expected = {
        row["id"]: float(np.dot(np.float64(row["embedding"]), np.float64(direction)))
        for row in table.to_pylist()
    }
    assert {one.id: pytest.approx(one.score, abs=1e-6) for one in answer.windows} == expected
    assert answer.median == pytest.approx(statistics.median(expected.values()), abs=1e-6)
    # Filters choose moments; the figures still know the whole library.
    assert answer.whole and len(answer.windows) == 12
    assert {one.moment.video for one in answer.found} == {"mocap_walk.mp4"}
    assert answer.drawn_videos == ("mocap_walk.mp4",)
    assert {row["video"] for row in window_rows(answer)} == {"mocap_walk.mp4"}


def test_a_window_is_most_like_itself(ask, made_library, video_text):
    seen = part_of_video(made_library.path_of("mocap_kick.mp4"), 0.5, 1.52)
    t0, t1 = seen.times_s[0]
    part = ClipPart(str(seen.path), "mocap_kick.mp4", float(t0), float(t1))
    answer = ask(clip=part, top=2)
    best = answer.found[0]
    assert best.moment.video == "mocap_kick.mp4"
    with video_text.loaded() as loaded:
        mean = embed_part(loaded, seen)
    for window in answer.windows:
        row = made_library.store.column("embedding", [window.id])[window.id]
        other = np.asarray(row, np.float64)
        cosine = other @ mean / np.linalg.norm(other) / np.linalg.norm(mean)
        assert window.score == pytest.approx(cosine, abs=1e-5)
    assert best.moment.score == max(one.score for one in answer.windows)
    assert search_settings(answer)["clip"] == "mocap_kick.mp4"


def test_filters_of_time(ask):
    answer = ask(TEXT, top=20, filters=Filters(from_s=1.9, to_s=2.2))
    assert answer.found and all(one.moment.t1 > 1.9 and one.moment.t0 < 2.2 for one in answer.found)
    assert ask(TEXT, filters=Filters(from_s=60.0)).found == ()


def test_words_that_are_not_known(ask, video_text):
    answer = ask("the camera pans over an elephant, an elephant and a zebra")
    assert answer.unknown == ("elephant", "zebra")
    with pytest.raises(RetrievalError) as refused:
        ask("elephants dance")
    known = own_words(video_text_card(video_text))
    assert str(refused.value).endswith(f"; it knows {', '.join(known)}.")
    assert '"elephants", "dance"' in str(refused.value)
    assert "camera" in known and not any(word.startswith("[") for word in known)


def video_text_card(video_text):
    with video_text.loaded() as loaded:
        return loaded.card


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("", "There are no words", id="empty"),
        pytest.param(" ?! ", "There are no words", id="marks"),
        pytest.param("red " * 1000, "has 4000 characters", id="a-book"),
    ],
)
def test_texts_that_cannot_be_looked_for(ask, text, words):
    with pytest.raises(RetrievalError, match=words):
        ask(text)


def test_a_long_text_is_cut_and_said(ask, video_text):
    text = "the camera pans right and " * 12
    answer = ask(text)
    with video_text.loaded() as loaded:
        room = min(32, loaded.config.text.positions) - 2
    assert answer.cut == len(plain_text(text).split()) - room


def test_a_library_that_is_not_made_and_one_of_other_weights(
    libraries, clip_folder, made_library, video_text, monkeypatch
):
    empty = libraries.of_folder(str(clip_folder))
    with pytest.raises(RetrievalError, match="is not made yet; press"):
        search_library(video_text, SearchQuestion(empty, TEXT))
    with video_text.loaded() as loaded:
        other = replace(loaded, content_hash="0" * 64)
    monkeypatch.setattr(video_text, "loaded", lambda name: _given(other))
    with pytest.raises(RetrievalError) as refused:
        search_library(video_text, SearchQuestion(made_library, TEXT))
    assert f'The library "{made_library.title}" was made with weights' in str(refused.value)


class _given:
    def __init__(self, value):
        self._value = value

    def __enter__(self):
        return self._value

    def __exit__(self, *_):
        return None


def test_rows_and_what_other_parts_are_told(ask, made_library):
    answer = ask(f" {TEXT} ", top=2, closer=True)
    rows, best = moment_rows(answer), answer.found[0]
    assert [row["score"] for row in rows] == [one.match for one in answer.found]
    assert set(rows[0]) == {"video", "t0", "t1", "score", "similarity", "match"}
    told = chosen_moment(answer, best.moment)
    assert told["path"] == str(made_library.path_of(best.moment.video))
    assert (told["text"], told["score"]) == (TEXT, best.moment.score)
    assert set(told) == {"path", "video", "t0", "t1", "text", "score", "model"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", (None, None)),
        (None, (None, None)),
        (" all ", (None, None)),
        ("2-6.5", (2.0, 6.5)),
        ("10-", (10.0, None)),
        ("-4 s", (None, 4.0)),
        ("2\N{EN DASH}6s", (2.0, 6.0)),
    ],
)
def test_times_as_people_write_them(text, expected):
    assert time_range(text) == expected


@pytest.mark.parametrize("text", ["five", "-", "2", "6-2", "0-0", "nan-3", "1e3-2e3", "1-2-3"])
def test_times_that_say_nothing(text):
    with pytest.raises(RetrievalError, match=r"2-6"):
        time_range(text)
