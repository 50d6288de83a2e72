"""Figures and sentences of the hidden states, on maps of the mini model and maps made by hand."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.attribution.exact.block_matrix import BlockMatrix
from analysis.attribution.exact.token_map import MapQuestion, Subject, TokenMap
from analysis.layers.token_grid import TokenGrid
from app.components.layer_pictures import delta_picture, map_picture
from app.components.token_picture import MOST_READ_OUT, token_picture
from app.figures.hidden_states import (
    evidence_figure,
    half_life_figure,
    retention_figure,
    state_figure,
)
from app.figures.layer_facts import layer_facts, proof_line
from app.figures.layer_matrix import matrix_view
from app.figures.layer_sentences import (
    delta_sentence,
    evidence_sentence,
    frame_strip,
    map_sentence,
    map_title,
    matrix_sentence,
    memory_sentence,
    question_unit,
    state_sentence,
)
from app.layer_answers import layer_maps, matrix_of_layer, memory_of_layer

GRID = TokenGrid(2, 2, 2)


def by_hand(values, question, **fields) -> TokenMap:
    """A map of 2 x 2 x 2 patches whose CLS gets nothing."""
    values = np.array(values, np.float32).reshape(2, 2, 2)
    return TokenMap(
        **{
            "completeness_error": 1e-7,
            "bias_share": 0.1,
            "dtype": "float32",
            "settings": {"layer": 0, "subject": "0,0,0"},
            "question": question,
            "grid": GRID,
            "values": values,
            "cls_value": 0.0,
            "signed": question.score in ("signed_share", "logit_share"),
            "by_frame": np.array([*values.sum((1, 2)), 0.0]),
            "frame_shares": np.array([[0.2, 0.1, 0.0], [0.4, 0.2, 0.0]]),
            "output_size": 2.0,
        }
        | fields
    )


def plain(text: str) -> str:
    return text.replace("\N{NARROW NO-BREAK SPACE}", "").replace("\N{MINUS SIGN}", "-")


PATCH = MapQuestion(Subject("token", 1))


def test_a_patch_hears_mostly_its_own_frame():
    asked = by_hand([6, 1, 1, 0, 2, 0, 0, 0], PATCH)
    said = plain(map_sentence(asked, "mean", 2))
    assert "80.0% of the map comes from its own frames, 20.0% from the rest" in said
    assert "strongest single source is itself (60.0%)" in said
    assert "forward scan brings 30.0%, the backward scan 60.0%, biases 10.0%" in said


def test_a_frame_that_feeds():
    question = MapQuestion(Subject("frame", 1), side="receivers")
    asked = by_hand([0, 0, 0, 3, 1, 0, 0, 0], question, frame_shares=None)
    said = plain(map_sentence(asked, "mean", 1))
    assert "25.0% of the map stays in its own frame, 75.0% goes to the rest" in said
    assert "strongest single receiver is row 2, column 2 of frame 1 (75.0%)" in said


def test_signed_shares_are_of_the_output():
    question = MapQuestion(Subject("readout"), score="signed_share")
    asked = by_hand([0.5, 0, 0, -0.1, 0.3, 0, 0.2, 0], question)
    said = plain(map_sentence(asked, "cls", 1))
    assert "Frame 2 gives most, 50.0% of the output" in said
    strip = frame_strip(by_hand([0.1, 0, 0, -0.4, 0.6, 0, 0, 0], question))
    assert [plain(one["words"]) for one in strip] == ["-30.0%", "60.0%"]
    assert [one["share"] for one in strip] == pytest.approx([-1 / 3, 2 / 3])


def test_an_empty_map_says_so():
    question = MapQuestion(Subject("token", 0), direction="forward")
    said = map_sentence(by_hand(8 * [0], question), "cls", 1)
    assert said.startswith("Nothing: through the forward scan no patch reaches the CLS token.")


def test_cls_hears_patches_through_the_backward_scan_only():
    question = MapQuestion(Subject("readout"), score="signed_share")
    shares = np.array([[0.0, 0.0, 0.1], [0.5, 0.2, 0.1]])
    said = plain(evidence_sentence(by_hand(8 * [0.1], question, frame_shares=shares), "cls", 1))
    assert "patches give it 0.0% that way and 70.0% through the backward scan" in said
    assert "most in frame 1 with 50.0%" in said and "CLS itself gives 20.0%" in said


@pytest.mark.parametrize(
    ("question", "words"),
    [
        (PATCH, "Who feeds row 1, column 1 of frames 1\N{EN DASH}2 in layer 3 of 6"),
        (
            MapQuestion(Subject("frame", 1), side="receivers", direction="forward"),
            "Whom frames 3\N{EN DASH}4 feeds in layer 3 of 6, forward scan only",
        ),
        (MapQuestion(Subject("readout")), "Who feeds the mean of all patches in layer 3 of 6"),
    ],
    ids=["patch", "frame", "read-out"],
)
def test_titles(question, words):
    assert map_title(by_hand(8 * [1], question), "mean", 2, 3, 6) == words


def test_every_choice_has_plain_words():
    assert "length" in question_unit(PATCH, "pan left")
    assert "pan left" in question_unit(replace(PATCH, score="logit_share"), "pan left")
    assert "before gate" in question_unit(replace(PATCH, level="value"), "pan left")


def test_figures_of_the_mini_model(session, mini):
    found = layer_maps(session, mini, 2, MapQuestion(Subject("token", 90)))
    memory = memory_of_layer(session, mini, 2)
    evidence = evidence_figure(found.readout_evidence, found.tubelet)
    total = sum(sum(bar.y) for bar in evidence.data)
    assert total + found.readout_evidence.bias_share == pytest.approx(1, abs=1e-4)
    for figure in (
        retention_figure(memory, 2),
        half_life_figure(memory, 2),
        state_figure(memory),
    ):
        assert sum(len(trace.x) for trace in figure.data) <= 4096
    for sentence in (
        evidence_sentence(found.readout_evidence, found.readout, 2),
        memory_sentence(memory, 2),
        state_sentence(memory),
        delta_sentence(*memory.delta_of("both"), 2),
    ):
        assert sentence.endswith(".") and "nan" not in sentence
    picture = map_picture(found, mini)
    assert picture["subject"] == {"kind": "token", "index": 89}
    assert len(picture["frames"]) == 4 and len(picture["values"]) == 256
    assert sum(frame["share"] for frame in picture["frames"]) <= 1 + 1e-9
    assert list(delta_picture(memory, "forward", found, mini)["scales"]) == ["range"]
    assert "of the gated energy" in layer_facts(memory)


def test_pictures_of_many_tokens_tell_no_numbers():
    grid = TokenGrid(64, 14, 14)
    picture = token_picture(np.ones((64, 14, 14)), grid, title="", unit="")
    assert grid.patches > MOST_READ_OUT and picture["values"] is None
    assert len(str(picture)) < 100_000


@pytest.mark.parametrize(
    ("error", "tone"), [(9e-5, "badge-good"), (2e-4, "badge-bad")], ids=["within", "above"]
)
def test_the_proof_turns_red_above_its_limit(error, tone):
    asked = by_hand(8 * [1], PATCH, completeness_error=error, bias_share=-0.02)
    line = plain(proof_line(asked))
    assert tone in line and "bias share -2.0%" in line and "float32" in line


def test_the_matrix_is_a_picture_with_frame_boundaries(session, mini):
    matrix = matrix_of_layer(session, mini, 3)
    view = matrix_view(matrix, 2)
    assert matrix.values.shape == (257, 257)
    assert view.count("<path") == 4 and "data:image/png;base64," in view
    assert "a cell is one token" in view


def test_the_matrix_sentence_counts_frames_and_sides():
    values = np.zeros((5, 5), np.float32)
    values[1, 2], values[3, 1], values[1, 4] = 2, 1, 1
    matrix = BlockMatrix(1e-7, 0.0, "float32", {}, TokenGrid(2, 1, 2), values, 2, 1)
    said = plain(matrix_sentence(matrix))
    assert "50.0% of all contribution stays within its frame" in said
    assert "25.0% goes forward to later frames" in said and "25.0% backward" in said
