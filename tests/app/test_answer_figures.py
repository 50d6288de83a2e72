"""Predictions as HTML and sentences, from hand-made predictions."""

import re
from dataclasses import replace

import pytest

from analysis.prediction import LabelProbability, Prediction, WindowPrediction
from app.figures.run_facts import run_facts
from app.figures.sentences import answer_sentence, comparison_sentence, timeline_sentence
from app.figures.timeline import leading_labels, timeline_view
from app.figures.top_k import SHOWN, answer_view, no_answer_view

THIN = "\N{NARROW NO-BREAK SPACE}"


def prediction(model="mini.camera", training="toy", relation="trained order", **shares):
    entries = sorted(shares.items(), key=lambda entry: -entry[1])
    return Prediction(
        clip="clip.mp4",
        model=model,
        training=training,
        scan_order="spatial_first",
        relation=relation,
        num_frames=8,
        image_size=64,
        predictions=tuple(LabelProbability(label, share) for label, share in entries),
        frame_indices=tuple(range(8)),
        frame_times_s=tuple(0.5 * index for index in range(8)),
        latency_ms=12.34,
        decode_ms=100.0,
        memory_bytes=2_500_000,
        kernel="cpu",
        device="cpu",
    )


SURE = prediction(pan=0.9, tilt=0.06, zoom=0.04)
SPLIT = prediction(model="other", pan=0.4, tilt=0.35, zoom=0.25)


def test_bars_are_as_long_as_the_probabilities_and_the_first_stands_out():
    html = answer_view([SURE])
    assert re.findall(r"width:([\d.]+)%", html) == ["90.00", "6.00", "4.00"]
    assert html.count('class="bar best"') == 1
    assert f"90.0{THIN}%" in html


def test_only_the_leading_classes_are_drawn():
    many = prediction(**{f"class{n}": 1 / 20 for n in range(20)})
    assert answer_view([many]).count("<li") == SHOWN == no_answer_view().count("<li")


def test_names_from_outside_cannot_become_markup():
    html = answer_view([prediction(**{"<img src=x>": 0.9, "b": 0.1})])
    assert "<img" not in html and "&lt;img src=x&gt;" in html


@pytest.mark.parametrize(
    ("training", "relation", "badges"),
    [
        pytest.param("toy", "trained order", ["toy-trained", "trained order"], id="toy"),
        pytest.param("trained", "reordered", ["trained", "reordered"], id="reordered"),
        pytest.param("untrained", "untrained", ["untrained"], id="untrained-once"),
    ],
)
def test_every_answer_says_how_far_it_may_be_trusted(training, relation, badges):
    html = answer_view([prediction(training=training, relation=relation, a=1.0)])
    assert re.findall(r'class="badge[^>]*>([^<]+)<', html) == badges


def test_side_by_side_gives_differences_from_the_first_model():
    html = answer_view([SURE, SPLIT])
    assert f"\N{MINUS SIGN}50.0{THIN}pt" in html  # pan: 40 - 90
    assert f"+29.0{THIN}pt" in html  # tilt: 35 - 6
    assert "mini.camera" in html and "other" in html


def test_classes_a_model_does_not_have_are_left_open():
    html = answer_view([SURE, prediction(model="other", cat=1.0)])
    assert html.count('class="absent"') == 4  # cat for the first, three moves for the second


def test_facts_show_the_run_and_say_when_it_was_recalled():
    html = run_facts(SURE, recalled=True)
    for text in (f"12.3{THIN}ms", f"100{THIN}ms", f"2.50{THIN}MB", "Spatial first", "Recalled"):
        assert text in html
    assert "Recalled" not in run_facts(SURE, recalled=False)
    assert "&lt;was&gt; cut off." in run_facts(replace(SURE, note="It <was> cut off."), False)
    assert "\N{EN DASH}" in run_facts(replace(SURE, memory_bytes=None), recalled=False)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        pytest.param(SURE, "sure of itself", id="sure"),
        pytest.param(SPLIT, "undecided", id="undecided"),
        pytest.param(prediction(a=0.6, b=0.2, c=0.2), "leaning one way", id="leaning"),
        pytest.param(
            prediction(training="untrained", relation="untrained", a=1.0),
            "Random weights",
            id="untrained",
        ),
        pytest.param(prediction(relation="reordered", a=0.9, b=0.1), "reordering", id="reordered"),
    ],
)
def test_the_sentence_matches_the_numbers(given, words):
    assert words in answer_sentence(given)
    assert "0.00 and 3.50 s" in answer_sentence(given)


def test_comparison_sentence_counts_agreement_and_names_the_largest_difference():
    sentence = comparison_sentence([SURE, SPLIT, prediction(model="third", tilt=0.8, pan=0.2)])
    assert "1 of 2 other models also say pan" in sentence
    assert f"\N{MINUS SIGN}70.0{THIN}pt, by third" in sentence


def windows(*labels):
    return [
        WindowPrediction(float(n), n + 2.0, prediction(**{label: 0.8, "rest": 0.2}))
        for n, label in enumerate(labels)
    ]


def test_timeline_lanes_are_ordered_by_weight_and_steps_fill_the_clip_without_overlap():
    read = windows("pan", "pan", "tilt")
    assert leading_labels(read) == ["pan", "tilt", "rest"]
    html = timeline_view(read, duration_s=4.0, stride_s=1.0)
    first_lane = html.split('<div class="lane">')[1]
    spans = re.findall(r"left:([\d.]+)%;width:([\d.]+)%;--p:([\d.]+)", first_lane)
    left = [float(span[0]) for span in spans]
    width = [float(span[1]) for span in spans]
    assert left == [12.5, 37.5, 62.5] and width == [25.0, 25.0, 25.0]
    assert [span[2] for span in spans] == ["0.8000", "0.8000", "0.0000"]
    assert "0.00 to 2.00 s: pan" in first_lane


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        pytest.param(("pan",) * 3, "Every one of the 3 windows says pan", id="constant"),
        pytest.param(("pan", "pan", "tilt"), "changes once", id="one-change"),
        pytest.param(("pan", "tilt", "pan"), "changes 2 times", id="there-and-back"),
    ],
)
def test_timeline_sentence_counts_changes(labels, words):
    assert words in timeline_sentence(windows(*labels))
