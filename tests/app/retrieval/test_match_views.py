"""Matches in bars, tables, words and files, of reports made up by hand."""

import csv
import io
import json

import numpy as np
import pytest

from analysis.layers.token_grid import TokenGrid
from app.components.caption_table import caption_table
from app.components.match_picture import match_picture
from app.figures.match_bars import match_view, no_match_view, signed
from app.figures.match_sentences import (
    caption_sentence,
    list_sentence,
    match_sentence,
    text_note,
)
from app.figures.score_matrix import SHOWN, recall_table, score_matrix
from app.match_runs import ExplainedMatch, MomentQuestion
from app.tabs.retrieval_captions import exported_captions
from app.tabs.retrieval_matrix import exported_list
from app.tabs.retrieval_why import exported_match

MINUS, NARROW = "\N{MINUS SIGN}", "\N{NARROW NO-BREAK SPACE}"


def score(text, similarity, **changes):
    return {"text": text, "similarity": similarity, "match_logit": 1.5, "unknown": [], "cut": 0} | (
        changes
    )


def match(**changes):
    """Two time steps of 1 x 2 patches: 0.3 + 0.05 - 0.1 + 0.15, CLS 0.2 and biases -0.1: 0.5."""
    level = {
        "tokens": [0.3, 0.05, -0.1, 0.15],
        "by_step": [0.35, 0.05],
        "patches": 0.4,
        "cls": 0.2,
        "constant": -0.1,
        "total": 0.5,
        "completeness_error": 2e-8,
    }
    return {
        "clip": "walk <1>.mp4",
        "t0": 1.0,
        "t1": 3.0,
        "text": score("a <red> star", 0.5),
        "other": None,
        "training": "toy",
        "data": "drawn clips",
        "similarity": 0.5,
        "grid": [2, 1, 2],
        "tubelet": 2,
        "levels": {"final": level, "entering": {**level, "completeness_error": 0.2}},
        "vectors": [{"cosine": 0.7}, {"cosine": 0.3}],
        "words": [
            {"word": "a", "similarity_drop": -0.02, "match_drop": 0.0},
            {"word": "<red>", "similarity_drop": 0.04, "match_drop": 0.5},
            {"word": "star", "similarity_drop": 0.25, "match_drop": 2.0},
        ],
        **changes,
    }


def test_the_proof_line_is_the_sum():
    view = match_view(match(), "final")
    assert (
        f"<b>+0.400</b> patches</span> + <span><b>+0.200</b> CLS</span> + <span><b>{MINUS}0.100"
        in (view)
    )
    assert '<b class="match-total">0.500</b>' in view
    assert "own similarity: <b>0.500</b>" in view
    assert "badge-good" in view and "denominators held fixed" in view and "toy-trained" in view
    assert "misses its sum" in match_view(match(), "entering")


def test_bars_share_a_scale_and_names_are_escaped():
    view = match_view(match(), "final")
    assert 'style="left:50.00%;width:50.00%"' in view  # frames 1-2, and the word star
    assert 'class="against" style="left:46.00%;width:4.00%"' in view  # a, 0.02 of 0.25
    assert "cosine 0.700" in view and "cosine 0.300" in view
    assert "&lt;red&gt;" in view and "<red>" not in view
    assert "cosine 0.700" not in match_view(match(), "entering")
    assert "Choose a moment" in no_match_view()


def test_the_sentence_has_this_moments_numbers():
    words = match_sentence(match(), "final")
    for part in (
        f"is 0.500 ({MINUS}1 to 1).",
        f"patches bring +0.400, CLS +0.200 and the biases {MINUS}0.100.",
        "frames 1\N{EN DASH}2 bring most (+0.350)",
        "row 1, column 1 of frames 1\N{EN DASH}2 (+0.300)",
        "similarity would fall by 0.250, more than without any other word.",
    ):
        assert part in words
    other = score("a dog", 0.2, unknown=["dog"])
    apart = match_sentence(match(other=other, similarity=0.3), "final")
    assert "is 0.500, with \N{LEFT DOUBLE QUOTATION MARK}a dog" in apart
    assert "difference, +0.300." in apart and "does not know the word dog." in apart


def test_where_cls_brings_most_it_is_said():
    report = match()
    assert "Most stands in CLS" not in match_sentence(report, "final")
    report["levels"]["final"] |= {"cls": -0.45, "constant": 0.55}
    assert "Most stands in CLS, which gathered it" in match_sentence(report, "final")


def test_a_text_where_no_word_helps_says_so():
    words = [{"word": w, "similarity_drop": -0.1, "match_drop": 0.0} for w in ("a", "b")]
    assert "No word can be left out that would lower" in match_sentence(match(words=words), "final")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ""),
        ({"unknown": ["dog", "cat"]}, "The model does not know the words dog, cat."),
        ({"cut": 3}, "The last 3 word pieces did not fit and do not count."),
    ],
)
def test_what_was_not_read_is_said(changes, words):
    assert text_note(score("x", 0.1, **changes)) == words


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0.1234, 3, "+0.123"),
        (-0.1234, 2, f"{MINUS}0.12"),
        (-0.000123, 3, f"{MINUS}0.00012"),
        (2e-7, 3, "0.000"),
        (0, 2, "0.00"),
    ],
)
def test_signed_numbers(value, digits, text):
    assert signed(value, digits) == text


def test_the_picture_brings_its_own_frames(monkeypatch):
    monkeypatch.setattr("app.components.match_picture.film", lambda sampled, grid: {"count": 4})
    found = ExplainedMatch(MomentQuestion("", ""), match(), None, TokenGrid(2, 1, 2))
    picture = match_picture(found, "final")
    assert picture["values"] == pytest.approx([0.3, 0.05, -0.1, 0.15])
    assert picture["film"] == {"count": 4}
    assert [one["share"] for one in picture["frames"]] == pytest.approx([1.0, 1 / 7])
    assert picture["title"].startswith("walk <1>.mp4, 1.00\N{EN DASH}3.00 s")


def test_a_file_has_a_row_per_patch_with_both_levels():
    saved = exported_match(match())
    rows = list(csv.DictReader(io.StringIO(saved["csv"])))
    assert [row["final"] for row in rows] == ["0.3", "0.05", "-0.1", "0.15"]
    assert (rows[3]["time_step"], rows[3]["row"], rows[3]["column"]) == ("1", "0", "1")
    document = json.loads(saved["json"])
    assert document["results"][0]["words"][2]["word"] == "star"
    assert document["settings"]["similarity"] == 0.5


def captions(*rows):
    return {"clip": "a.mp4", "captions": list(rows), "training": "toy"}


FIRST = score("the camera <pans>", 0.4, rank=1, match_rank=2)
SECOND = score("a star", 0.1, rank=2, match_rank=1, match_logit=2.5, unknown=["zebra"])


def test_sentences_beside_a_clip():
    table = caption_table(captions(FIRST, SECOND))
    assert table.count("<tr") == 3 and 'class="best"' in table
    assert "&lt;pans&gt;" in table and "<pans>" not in table
    assert "width:100.0%" in table and "width:0.0%" in table
    assert "not known: zebra" in table and "once compared" in caption_table(None)
    words = caption_sentence(captions(FIRST, SECOND))
    assert "is the most similar (0.400), 0.300 above the next." in words
    assert "(+2.50), which is number 2 by similarity." in words
    assert "does not know: zebra" in words
    agreed = {**FIRST, "match_rank": 1}, {**SECOND, "match_rank": 2}
    assert "puts it first too" in caption_sentence(captions(*agreed))
    assert caption_sentence(captions(agreed[0])).startswith("The similarity is 0.400, the match")
    assert exported_captions(captions(FIRST, SECOND))["csv"].count("\n") == 3


def recall(one, five, ten, median, gallery=3):
    def depths(*values):
        return dict(zip(("1", "5", "10"), values, strict=True))

    return {
        "queries": 2,
        "gallery": gallery,
        "recall_percent": depths(one, five, ten),
        "chance_percent": depths(100 / gallery, 100.0, 100.0),
        "median_rank": median,
    }


def scored(**changes):
    both = {"text_to_video": recall(50.0, 100.0, 100.0, 1.5), "video_to_text": recall(0, 1, 2, 3.0)}
    again = {**both, "text_to_video": recall(100.0, 100.0, 100.0, 1.0)}
    return {
        "video_names": ["one.mp4", "two.mp4", "<three>.mp4"],
        "captions": ["a <star>", "a ring"],
        "belonging": [[0], [1, 2]],
        "similarities": [[0.25, 0.5, 0.0], [0.1, 0.2, -0.1]],
        "match_logits": [[2.0, None, 1.0], [None, 0.5, -1.0]],
        "embedding": both,
        "re_ranked": again,
        "texts": 2,
        "videos": 3,
        "top": 128,
        "training": "toy",
        "data": "drawn clips",
        "problems": [],
        **changes,
    }


def test_the_matrix_rings_right_answers_and_marks_the_best():
    table = score_matrix(scored(), "similarities")
    assert table.count('<td class="right"') == 2
    assert table.count('<td class="best"') == 1
    assert table.count('<td class="right best"') == 1
    assert "&lt;three&gt;" in table and "<three>" not in table and "<star>" not in table
    assert f"Similarity, {MINUS}0.100 to 0.500." in table
    again = score_matrix(scored(), "match_logits")
    assert again.count("\N{EN DASH}</td>") == 2
    assert again.count('<td class="right best"') == 2


def test_large_matrices_are_cut_and_say_so():
    size = SHOWN + 5
    rows = np.random.default_rng(0).random((size, size)).tolist()
    table = score_matrix(
        scored(
            video_names=[f"{n}.mp4" for n in range(size)],
            captions=[f"text {n}" for n in range(size)],
            belonging=[[n] for n in range(size)],
            similarities=rows,
            texts=size,
            videos=size,
        ),
        "similarities",
    )
    assert table.count("<td class") == SHOWN**2
    assert f"The first {SHOWN} of {size} texts and {size} videos are drawn" in table


def test_recall_stands_beside_chance_and_apart_from_what_is_published():
    table = recall_table(scored())
    ours, published = table.split("<details>")
    assert ours.count("<tr") == 7
    assert f"33.3{NARROW}%" in ours and "<td>1.50</td>" not in ours and "<td>1.5</td>" in ours
    assert published.count("<tr>") == 16 and f"<td>35.6{NARROW}%</td>" in published
    assert "not measured here" in published


def test_the_sentence_about_a_list():
    words = list_sentence(scored(problems=["Entry 3 has no words.", "b.", "c.", "d."]))
    for part in (
        f"For 50.0{NARROW}% of 2 texts the right one of 3 videos",
        f"chance is 33.3{NARROW}%",
        f"the 3 nearest it is 100.0{NARROW}%, better.",
        f"moves it by 50{NARROW}points.",
        "toy-trained, on drawn clips.",
        "Left out: Entry 3 has no words. b. c. And 1 more.",
    ):
        assert part in words


def test_a_file_of_a_list_has_a_row_per_pair():
    saved = exported_list(scored(), "My clips")
    rows = list(csv.DictReader(io.StringIO(saved["csv"])))
    assert len(rows) == 6 and saved["name"] == "My clips-scores"
    assert [row["belongs"] for row in rows] == ["True", "False", "False", "False", "True", "True"]
    assert rows[1]["match_logit"] == "" and rows[1]["similarity"] == "0.5"
