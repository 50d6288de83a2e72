"""Matches taken apart, sentences beside a clip, and lists: against the rooms that compute them."""

import json
import shutil

import pytest
import torch

from analysis.retrieval.annotations import read_annotations
from analysis.retrieval.errors import RetrievalError
from analysis.retrieval.evaluation import encode_clip, evaluate_retrieval
from analysis.retrieval.index.embeddings import embed_text
from analysis.retrieval.moment_clip import read_moment
from analysis.video.limits import VideoError
from app.example_clips import EXAMPLES_FOLDER
from app.libraries import Libraries
from app.list_scores import library_list, scored_list
from app.match_runs import (
    MOST_CAPTIONS,
    MomentQuestion,
    caption_scores,
    explained_match,
    moment_question,
)
from app.tabs.retrieval_captions import best_caption, one_a_line
from app.video_text import DEFAULT_VIDEO_TEXT

CIRCLE = str(EXAMPLES_FOLDER / "moving_objects" / "0007_circle_white_right_static.mp4")
TEXT = "a white circle slides to the right"


@pytest.fixture(scope="module")
def explained(video_text):
    return explained_match(video_text, MomentQuestion(CIRCLE, TEXT, 0.5, 2.5))


def test_parts_of_both_levels_sum_to_the_similarity_of_the_search(explained, video_text):
    report = explained.report
    with video_text.loaded() as loaded:
        clip = read_moment(loaded, CIRCLE, 0.5, 2.5).clip
        direction, _ = embed_text(loaded, video_text.pieces(), TEXT)
        embedding = encode_clip(loaded.model, clip).directions.mean(0)
    similar = float(embedding @ torch.as_tensor(direction))
    assert report["similarity"] == pytest.approx(similar, abs=1e-5)
    for level in report["levels"].values():
        parts = sum(level["tokens"]) + level["cls"] + level["constant"]
        assert parts == pytest.approx(similar, abs=1e-5)
        assert level["completeness_error"] < 1e-4
        assert sum(level["by_step"]) == pytest.approx(sum(level["tokens"]), abs=1e-9)
    cosines = [vector["cosine"] for vector in report["vectors"]]
    assert sum(cosines) / len(cosines) == pytest.approx(similar, abs=1e-5)
    assert report["grid"] == [4, 8, 8] and len(report["words"]) == 7


def test_the_report_is_plain_json_and_says_what_was_read(explained):
    report = json.loads(json.dumps(explained.report))
    assert (report["clip"], report["t0"], report["t1"]) == (CIRCLE.rsplit("/", 1)[1], 0.5, 2.5)
    assert report["text"]["text"] == TEXT and report["other"] is None
    assert all(0.5 <= time < 2.5 for time in report["frame_times_s"])
    assert explained.sampled.pixels.shape == (8, 64, 64, 3)


def test_rather_than_another_text_takes_the_difference_apart(explained, video_text):
    alone, other = explained.report, "a red star moves down"
    apart = explained_match(video_text, MomentQuestion(CIRCLE, TEXT, 0.5, 2.5, other)).report
    single = explained_match(video_text, MomentQuestion(CIRCLE, other, 0.5, 2.5)).report
    assert apart["other"]["similarity"] == pytest.approx(single["similarity"], abs=1e-6)
    for level in ("final", "entering"):
        ours, first, second = (r["levels"][level]["tokens"] for r in (apart, alone, single))
        assert ours == pytest.approx([a - b for a, b in zip(first, second, strict=True)], abs=1e-5)


def test_a_found_moment_is_a_question():
    moment = {"path": "a.mp4", "video": "a", "t0": 1.0, "t1": 2.0, "text": "x", "score": 0.1}
    asked = moment_question({**moment, "model": "m"}, "  y ")
    assert asked == MomentQuestion("a.mp4", "x", 1.0, 2.0, "y", "m")


def test_sentences_are_ranked_by_either_score(video_text):
    texts = ["the camera pans left", "a red star", "a zebra", "the camera zooms in"]
    report = caption_scores(video_text, CIRCLE, texts)
    rows = report["captions"]
    assert sorted(row["text"] for row in rows) == sorted(texts)
    similarities = [row["similarity"] for row in rows]
    assert similarities == sorted(similarities, reverse=True)
    by_match = sorted(rows, key=lambda row: row["match_rank"])
    logits = [row["match_logit"] for row in by_match]
    assert logits == sorted(logits, reverse=True)
    assert [row["unknown"] for row in rows if row["text"] == "a zebra"] == [("zebra",)]
    moment = best_caption(report, CIRCLE)
    again = explained_match(video_text, moment_question(moment, "")).report
    assert again["similarity"] == pytest.approx(rows[0]["similarity"], abs=1e-5)


def test_lines_without_words_are_no_sentences():
    assert one_a_line(" a circle \n\n\t\nb\n") == ["a circle", "b"]
    assert one_a_line(None) == []


def test_the_example_list_is_scored_as_the_evaluation_does(video_text, libraries):
    listed = library_list(libraries.examples(), None)
    assert (len(listed.videos), len(listed.texts)) == (12, 12)
    told = []
    report = scored_list(video_text, listed, DEFAULT_VIDEO_TEXT, told.append, top=3)
    with video_text.loaded() as loaded:
        expected = evaluate_retrieval(loaded, listed, video_text.pieces(), top=3)
    plain = json.loads(json.dumps(expected.as_dict()))
    for key in ("embedding", "re_ranked", "texts_cut"):
        assert report[key] == plain[key]
    for row, logits in zip(report["similarities"], report["match_logits"], strict=True):
        nearest = sorted(range(12), key=lambda video: -row[video])[:3]
        assert {video for video in range(12) if logits[video] is not None} == set(nearest)
    assert report["belonging"] == [[number] for number in range(12)]
    assert told == sorted(told) and told[-1] == 1.0


@pytest.fixture
def uploads(tmp_path, libraries):
    """A library of uploads with one clip, and a way to write a list for it."""
    library = libraries.of_uploads([CIRCLE])

    def write(entries) -> str:
        path = tmp_path / "list.json"
        path.write_text(json.dumps(entries))
        return str(path)

    return library, write


def test_an_uploaded_list_names_files_of_the_library(uploads):
    library, write = uploads
    name = CIRCLE.rsplit("/", 1)[1]
    listed = library_list(library, write([{"video": name, "caption": TEXT}]))
    assert [path.name for path in listed.videos] == [name]


@pytest.mark.parametrize("name", ["../library.json", "/etc/passwd", CIRCLE, "../../list.json"])
def test_a_list_cannot_name_what_is_not_in_the_library(uploads, name):
    library, write = uploads
    with pytest.raises(RetrievalError, match="is outside the folder") as error:
        library_list(library, write([{"video": name, "caption": TEXT}]))
    assert library.videos not in str(error.value)


def test_what_cannot_be_read_is_one_sentence(uploads, video_text, tmp_path):
    library, write = uploads
    with pytest.raises(RetrievalError, match="There is no annotated list in"):
        library_list(library, None)
    with pytest.raises(RetrievalError, match="holds no JSON list"):
        library_list(library, write({"video": 1}))
    with pytest.raises(RetrievalError, match="at most 200 are compared"):
        caption_scores(video_text, CIRCLE, ["x"] * (MOST_CAPTIONS + 1))
    with pytest.raises(RetrievalError, match="has no frame from 90 s"):
        explained_match(video_text, MomentQuestion(CIRCLE, TEXT, 90.0, 95.0))
    (tmp_path / "broken.mp4").write_text("no video")
    with pytest.raises(VideoError):
        explained_match(video_text, MomentQuestion(str(tmp_path / "broken.mp4"), TEXT))


def test_a_list_that_lies_in_a_folder_is_found_behind_other_files(tmp_path):
    folder = tmp_path / "clips"
    (folder / "inside").mkdir(parents=True)
    shutil.copy(CIRCLE, folder / "inside" / "one.mp4")
    (folder / "a.json").write_text('{"not": "a list"}')
    (folder / "inside" / "list.json").write_text(
        json.dumps([{"video": "one.mp4", "caption": TEXT}])
    )
    library = Libraries(tmp_path / "libraries", 3600).of_folder(str(folder))
    found = library_list(library, None)
    expected = read_annotations(folder / "inside" / "list.json", folder / "inside")
    assert found.videos == expected.videos and found.texts == expected.texts
