"""Searches against every product computed by itself."""

import numpy as np
import pytest

from analysis.retrieval.errors import RetrievalError
from analysis.retrieval.index.search import (
    Filters,
    Moment,
    check_model,
    merge_overlapping,
    search_clip,
    search_text,
)
from analysis.retrieval.index.store import WindowStore

WIDTH, VIDEOS, WINDOWS = 32, 12, 40


@pytest.fixture(scope="module")
def embeddings():
    """Means of unit vectors, windows of a video near each other: (videos, windows, WIDTH)."""
    generator = np.random.default_rng(3)
    places = generator.normal(size=(VIDEOS, 1, WIDTH))
    vectors = places + 0.7 * generator.normal(size=(VIDEOS, WINDOWS, WIDTH))
    vectors /= np.linalg.norm(vectors, axis=2, keepdims=True)
    return (vectors * generator.uniform(0.7, 1.0, (VIDEOS, WINDOWS, 1))).astype(np.float32)


@pytest.fixture(scope="module")
def filled(tmp_path_factory, records, settings, embeddings):
    """An index of these, that no test changes."""
    store = WindowStore(tmp_path_factory.mktemp("filled"))
    for number, rows in enumerate(embeddings):
        # Windows of 2 s every 2 s only touch; every second video's overlap.
        stride_s = 1.0 if number % 2 else 2.0
        store.add(records(f"{'ab'[number % 2]}/{number}.mp4", rows, stride_s), settings)
    return store


@pytest.fixture
def asked():
    generator = np.random.default_rng(5)
    vectors = generator.normal(size=(6, WIDTH)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def listed(embeddings, scores):
    """Every window as (score, video, t0, t1), best first."""
    found = []
    for video, window in np.ndindex(embeddings.shape[:2]):
        stride_s = 1.0 if video % 2 else 2.0
        name = f"{'ab'[video % 2]}/{video}.mp4"
        found.append((scores[video, window], name, stride_s * window, stride_s * window + 2))
    return sorted(found, key=lambda one: -one[0])


def without_overlaps(windows):
    kept = []
    for window in windows:
        _, video, t0, t1 = window
        if all(video != v or t1 <= start or t0 >= end for _, v, start, end in kept):
            kept.append(window)
    return kept


def check(found, expected):
    assert [(one.video, one.t0, one.t1) for one in found] == [row[1:] for row in expected]
    assert [one.score for one in found] == pytest.approx([row[0] for row in expected], abs=1e-5)


@pytest.mark.parametrize("top", [1, 5, 100])
def test_texts_find_the_largest_products(filled, embeddings, asked, top):
    for direction in asked:
        expected = without_overlaps(listed(embeddings, embeddings @ direction))[:top]
        check(search_text(filled, direction, top=top), expected)


def test_clips_find_the_largest_cosines(filled, embeddings, asked):
    lengths = np.linalg.norm(embeddings, axis=2)
    for clip in 0.8 * asked:
        cosines = embeddings @ (clip / np.linalg.norm(clip)) / lengths
        check(search_clip(filled, clip, top=7), without_overlaps(listed(embeddings, cosines))[:7])
    (itself,) = search_clip(filled, embeddings[4, 9], top=1)
    assert (itself.video, itself.t0) == ("a/4.mp4", 18.0)
    assert itself.score == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("filters", "holds"),
    [
        (Filters(video="a/4.mp4"), lambda video, t0, t1: video == "a/4.mp4"),
        (Filters(video="b/"), lambda video, t0, t1: video.startswith("b/")),
        (Filters(video="a"), lambda video, t0, t1: video.startswith("a/")),
        (Filters(from_s=10.0, to_s=13.0), lambda video, t0, t1: t1 > 10 and t0 < 13),
        (Filters(shortest_s=50.0), lambda video, t0, t1: video.startswith("a/")),
        (Filters(longest_s=50.0), lambda video, t0, t1: video.startswith("b/")),
        (
            Filters(video="b", from_s=3, longest_s=41.0),
            lambda video, t0, t1: video.startswith("b/") and t1 > 3,
        ),
        (Filters(video="it's not there"), lambda video, t0, t1: False),
    ],
    ids=["video", "folder", "folder_name", "time", "long", "short", "several", "none"],
)
@pytest.mark.parametrize("by_clip", [False, True], ids=["text", "clip"])
def test_filters_come_before_the_ranking(filled, embeddings, asked, filters, holds, by_clip):
    scores = embeddings @ asked[0]
    if by_clip:
        scores /= np.linalg.norm(embeddings, axis=2)
    windows = [row for row in listed(embeddings, scores) if holds(*row[1:])]
    search = search_clip if by_clip else search_text
    found = search(filled, asked[0], top=6, filters=filters)
    check(found, without_overlaps(windows)[:6])


def moment(video, t0, t1, score):
    return Moment(f"{video} {t0}", video, "hash", t0, t1, score, 60.0, 64, 48, 25.0)


def test_overlapping_windows_are_one_moment():
    best, touching, elsewhere = (
        moment("a", 4, 8, 0.9),
        moment("a", 8, 12, 0.7),
        moment("b", 5, 9, 0.6),
    )
    inside = moment("a", 5, 7, 0.8)
    # It overlaps only what was left out itself, so that it is a moment of its own.
    chained = moment("a", 12, 16, 0.4)
    windows = [best, inside, touching, elsewhere, moment("a", 2, 6, 0.5), chained]
    assert merge_overlapping(windows) == (best, touching, elsewhere, chained)
    assert merge_overlapping([]) == ()


def test_an_approximate_index_finds_nearly_the_same(store, records, settings, asked, monkeypatch):
    generator = np.random.default_rng(11)
    vectors = generator.normal(size=(40, 1, WIDTH)) + generator.normal(size=(40, 50, WIDTH))
    vectors = (vectors / np.linalg.norm(vectors, axis=2, keepdims=True)).astype(np.float32)
    store.add(
        [one for v, rows in enumerate(vectors) for one in records(f"{v}.mp4", rows, 2.0)], settings
    )
    store.finish()
    assert not store.approximate
    monkeypatch.setattr("analysis.retrieval.index.store.APPROXIMATE_FROM", 2000)
    store.finish()
    assert store.approximate
    flat = vectors.reshape(-1, WIDTH)
    hit = 0
    for direction in asked:
        best = set(np.argsort(-(flat @ direction))[:10].tolist())
        exact = store.nearest(direction, 10, ["video", "number"], exact=True)
        assert {50 * int(row["video"][:-4]) + row["number"] for row in exact} == best
        near = store.nearest(direction, 10, ["video", "number"])
        hit += len(best & {50 * int(row["video"][:-4]) + row["number"] for row in near})
        for row in near:
            product = vectors[int(row["video"][:-4]), row["number"]] @ direction
            assert row["score"] == pytest.approx(product, abs=1e-5)
    assert hit >= 0.9 * 10 * len(asked)
    # Windows that come later are found too, before the index knows them, and clips find themselves.
    late = np.float32(asked[0] * 0.99)
    store.add(records("late.mp4", [late]), settings)
    assert search_text(store, asked[0], top=1)[0].video == "late.mp4"
    (itself,) = search_clip(store, vectors[7, 3], top=1)
    assert (itself.video, itself.t0) == ("7.mp4", 6.0)
    # A filter that leaves little finds it wherever it lies.
    assert len(search_text(store, asked[0], top=9, filters=Filters(video="7.mp4"))) == 9


def test_an_index_of_another_model_is_one_sentence(store, loaded, records, settings):
    with pytest.raises(RetrievalError, match="There is no index at"):
        check_model(store, loaded)
    store.add(records("a.mp4", np.eye(3)), settings)
    with pytest.raises(
        RetrievalError,
        match=r"was made with model made\.up instead of videomamba_retrieval_debug\.test, .*; "
        "search with the model it was made with",
    ):
        check_model(store, loaded)
    store.delete(["a.mp4"])
    with pytest.raises(RetrievalError, match="is empty; add videos first"):
        check_model(store, loaded)


def test_no_moments_is_no_question(filled, asked):
    with pytest.raises(RetrievalError, match="The 0 best moments were asked for"):
        search_text(filled, asked[0], top=0)
