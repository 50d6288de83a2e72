"""What the page shows of moments: words, cards and strips, from made-up answers."""

import base64
import re
from dataclasses import replace

import pytest

from analysis.retrieval.index.records import IndexSettings
from analysis.retrieval.index.search import Filters, Moment
from analysis.text.word_pieces import plain_text
from analysis.weights import weights_card
from app.components.library_view import library_view, library_words
from app.components.moment_view import moment_view
from app.components.query_chips import query_chips
from app.figures.moment_words import (
    example_texts,
    known_words_sentence,
    moment_clock,
    search_notice,
    search_sentence,
    strip_sentence,
)
from app.libraries import Library
from app.library_builds import LibraryFacts
from app.moment_search import ClipPart, FoundMoment, SearchAnswer, SearchQuestion
from app.video_addresses import VideoAddresses
from app.video_text import DEFAULT_VIDEO_TEXT

LIBRARY = Library("key", "My films", "folder", "/films", "/cache/store")
SCORES = {"a.mp4": (0.1, 0.5, 0.2), "b & <c>.mp4": (-0.3, 0.05)}


def moment(video: str, number: int) -> Moment:
    duration_s = 2.0 + 2.0 * len(SCORES[video])
    return Moment(
        id=f"{video} {number}",
        video=video,
        content_hash="",
        t0=2.0 * number,
        t1=2.0 * number + 4.0,
        score=SCORES[video][number],
        duration_s=duration_s,
        width=64,
        height=48,
        fps=25.0,
    )


def answer(matches: tuple[float, ...] = (), **options) -> SearchAnswer:
    windows = [moment(video, n) for video, scores in SCORES.items() for n in range(len(scores))]
    best = [moment("a.mp4", 1), moment("b & <c>.mp4", 1)]
    found = [FoundMoment(one, None, b"webp") for one in best]
    if matches:
        found = [replace(one, match=match) for one, match in zip(found, matches, strict=True)]
        found.sort(key=lambda one: -one.match)
    question = SearchQuestion(LIBRARY, "a red star", closer=bool(matches))
    made = SearchAnswer(
        question=question,
        model=DEFAULT_VIDEO_TEXT,
        found=tuple(found),
        windows=tuple(sorted(windows, key=lambda one: -one.score)),
        whole=True,
        window_s=4.0,
        stride_s=2.0,
        unknown=(),
        cut=0,
        closer=len(matches),
        latency_ms=12.3,
    )
    return replace(made, **options)


def test_the_sentence_has_this_questions_numbers():
    said = search_sentence(answer())
    assert '"a red star" fits best to a.mp4 at 0:02.0\N{EN DASH}0:06.0' in said
    # The middle of -0.3, 0.05, 0.1, 0.2 and 0.5 is 0.1.
    assert "similarity of 0.500. That is 0.400 above the median of all 5 windows." in said
    assert "also where nothing fits" in said and "match" not in said


def test_the_sentence_tells_when_match_overrules_similarity():
    said = search_sentence(answer((-1.0, 3.0)))
    assert "fits best to b & <c>.mp4" in said
    assert "That is 0.0500 below the median" in said
    assert "The 2 most similar moments were looked at again" in said
    assert "by similarity alone a.mp4 at 0:02.0\N{EN DASH}0:06.0 would come first" in said
    assert "it is also the most similar" in search_sentence(answer((3.0, -1.0)))


def test_other_sentences():
    assert "left by the filters" in search_sentence(answer(found=()))
    clip = SearchQuestion(LIBRARY, clip=ClipPart("/x/y.mp4", "y.mp4", 1.0, None))
    said = search_sentence(answer(question=clip))
    assert said.startswith("Most like y.mp4, 1 s to its end is a.mp4") and "is ours" in said
    notice = search_notice(answer(unknown=("dog",), cut=3))
    assert notice.startswith("2 moments in 12.3 ms.") and 'the word "dog"; it knows' in notice
    assert "its last 3 word pieces do not count" in notice
    assert "of every video with" in strip_sentence(answer())
    assert "/films" not in search_sentence(answer()) + notice


def test_the_view_keeps_paths_and_gives_bars_between_the_extremes():
    addresses = VideoAddresses()
    view = moment_view(answer(), addresses)
    assert "/films" not in str(view)
    assert view["videos"]["a.mp4"] == addresses.address(LIBRARY.path_of("a.mp4"))
    # From the lowest of all windows, -0.3, to the highest, 0.5.
    assert [one["bar"] for one in view["moments"]] == [1.0, pytest.approx(0.35 / 0.8, abs=1e-3)]
    assert base64.b64decode(view["moments"][0]["picture"].partition(",")[2]) == b"webp"
    assert view["scale"] == [-0.3, 0.5, 0.1]
    assert view["link"] == ""
    strip = view["strips"][0]
    assert (strip["video"], strip["duration_s"], strip["best"]) == ("a.mp4", 8.0, "0.500")
    assert strip["windows"] == [[0.0, 4.0, 0.1], [2.0, 6.0, 0.5], [4.0, 8.0, 0.2]]


def test_the_view_after_a_closer_look_and_of_one_video():
    view = moment_view(answer((-1.0, 3.0)), VideoAddresses())
    assert view["decides"] == "match"
    assert [(one["match"], one["bar"]) for one in view["moments"]] == [
        ("3.00", 1.0),
        ("\N{MINUS SIGN}1.00", 0.0),
    ]
    one_video = replace(answer().question, filters=Filters(video="a.mp4"))
    narrowed = answer(question=one_video, found=answer().found[:1])
    assert [strip["video"] for strip in moment_view(narrowed, VideoAddresses())["strips"]] == [
        "a.mp4"
    ]


def test_only_what_everybody_has_goes_into_a_link():
    everybodys = replace(LIBRARY, kind="examples")
    assert SearchQuestion(everybodys, " a star ").linked_text == "a star"
    assert SearchQuestion(LIBRARY, "a star").linked_text == ""


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0:00.0"), (4.54, "0:04.5"), (59.96, "1:00.0"), (754, "12:34.0"), (3723.04, "1:02:03.0")],
)
def test_clock(seconds, words):
    assert moment_clock(seconds) == words


def test_what_stands_of_a_library():
    settings = IndexSettings(DEFAULT_VIDEO_TEXT, "spatial_first", "abc", 8, 64, 4.0, 2.0)
    facts = LibraryFacts({'b & "<c>".mp4': 2, "a.mp4": 3}, settings)
    assert library_words(facts) == (
        f"2 videos, 5 windows of 4 s every 2 s, made with {DEFAULT_VIDEO_TEXT} (8 frames of 64 px)."
    )
    assert library_words(LibraryFacts({}, None)) == "Nothing is made yet."
    shown = library_view(LIBRARY, facts, 7200, ["<x>.mp4 is no video."])
    assert shown.count("<li>") == 3 and shown.count("data-video=") == 2
    assert "<c>" not in shown and "&lt;x&gt;.mp4 is no video." in shown
    assert "data-video" not in library_view(replace(LIBRARY, kind="examples"), facts, 7200)
    uploads = library_view(replace(LIBRARY, kind="uploads"), facts, 7200)
    assert "2 hours after its last use" in uploads


def test_chips_are_texts_the_model_can_read(video_text):
    card, pieces = weights_card(DEFAULT_VIDEO_TEXT), video_text.pieces()
    texts = example_texts(card, pieces)
    assert len(texts) >= 4
    assert not any(pieces.unknown(plain_text(text)) for text in texts)
    words = known_words_sentence(card)
    assert re.search(r"knows 5\d words and nothing else: .*camera", words)
    chips = query_chips(['say "<hi>"'], "<b></b>", words, "<not> finished")
    assert "&lt;not&gt; finished" in chips
    assert 'data-text="say &quot;&lt;hi&gt;&quot;"' in chips and "<hi>" not in chips
