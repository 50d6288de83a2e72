"""The Alignment section in words, table, picture and file, of reports made up by hand."""

import csv
import io
import json

import pytest

from app.components.alignment_picture import alignment_picture
from app.figures.alignment import alignment_sentence, alignment_table, cosine, reading_note
from app.tabs.masking_alignment import exported_report

TOKENS = [None, 0.5, None, None, 0.75, 1.0, None, None]


def layer(**changes):
    return {
        "layer": 3,
        "teacher_layer": 2,
        "tokens": TOKENS,
        "cls": 0.25,
        "by_frame": [0.5, 0.875],
        "mean": 0.625,
        "chance": 0.4,
        "untrained": -0.0625,
        **changes,
    }


def report(**changes):
    return {
        "clip": "walk.mp4",
        "student": "a <student>",
        "training": "toy",
        "data": "camera moves",
        "num_frames": 4,
        "image_size": 32,
        "teacher": "a teacher",
        "teacher_note": "Toy-trained.",
        "strategy": "clip_row",
        "ratio": 0.65,
        "real_ratio": 0.625,
        "visible": 3,
        "seed": 2,
        "grid": [2, 2, 2],
        "tubelet": 2,
        "loss": 0.75,
        "layers": [layer()],
        "latency_ms": 12.0,
        **changes,
    }


def test_the_sentence_has_this_clips_numbers():
    words = alignment_sentence(report()).replace("\N{NARROW NO-BREAK SPACE}", " ")
    for part in (
        "Under the clip-row mask the student sees 3 of 8 patches (62.5 % hidden)",
        "the mean cosine is 0.625.",
        "at other patches it would be 0.400, before training it was \N{MINUS SIGN}0.062.",
        "closest in frames 3\N{EN DASH}4 (0.875) and least in frames 1\N{EN DASH}2 (0.500).",
    ):
        assert part in words


def test_what_is_not_known_is_left_out():
    lonely = layer(chance=None, by_frame=[None, 0.5])
    words = alignment_sentence(report(layers=[lonely], tubelet=1, visible=1))
    assert "at other patches" not in words
    assert "closest" not in words
    assert words.count("\N{EN DASH}") == 0
    assert '<span class="bar-value">\N{EN DASH}</span>' in alignment_table(report(layers=[lonely]))


def test_the_table_has_a_column_a_layer_and_escapes_names():
    one, two = alignment_table(report()), alignment_table(report(layers=[layer(layer=1), layer()]))
    assert one.count("<td") == 4
    assert two.count("<td") == 8
    assert "Layer 2" in two and "Layer 4" in two and "Layer" not in one
    assert "a &lt;student&gt;" in one and "<student>" not in one
    assert 'style="width:62.50%"' in one
    assert '<i class="less" style="width:6.25%">' in one
    assert alignment_table(None).count("\N{EN DASH}") == 4


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.9383, "0.938"), (-0.0959, "\N{MINUS SIGN}0.096"), (-0.0001, "0.000"), (1.0, "1.000")],
)
def test_cosines_have_three_digits(value, text):
    assert cosine(value) == text


def test_another_setting_than_the_sidebars_is_said():
    assert reading_note(report(), 4, 32) == ""
    words = reading_note(report(), 8, 32)
    assert "4 frames of 32 pixels" in words
    assert "sidebar's 8 of 32" in words


def test_the_picture_leaves_hidden_patches_dark():
    picture = alignment_picture(report())
    assert picture["values"] == TOKENS
    assert picture["grid"] == {"t": 2, "h": 2, "w": 2}
    assert (picture["tubelet"], picture["clip"]) == (2, "walk.mp4")
    assert picture["frames"] == [
        {"share": 0.5, "words": "0.500"},
        {"share": 0.875, "words": "0.875"},
    ]
    assert list(picture["scales"]) == ["range"]
    assert [tick["label"] for tick in picture["scales"]["range"]["ticks"]] == [
        "0.50",
        "0.75",
        "1.0",
    ]
    json.dumps(picture, allow_nan=False)


def test_files_have_the_report_and_a_row_a_visible_patch():
    files = exported_report(report(layers=[layer(layer=1), layer()]))
    document = json.loads(files["json"])
    assert document["settings"]["teacher_note"] == "Toy-trained."
    assert [one["layer"] for one in document["results"]] == [1, 3]
    rows = list(csv.DictReader(io.StringIO(files["csv"])))
    assert [row["token"] for row in rows] == ["1", "4", "5"]
    assert rows[2] == {
        "token": "5",
        "time_step": "1",
        "row": "0",
        "column": "1",
        "cosine_layer_2": "1.0",
        "cosine_layer_4": "1.0",
    }
