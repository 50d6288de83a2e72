"""Numbers and words of maps: shares, spans, badges, captions."""

import pytest

from app.attributions import ExplainedClass, explained_class
from app.figures.attribution_sentences import CHOOSE, agreement_sentence, maps_sentence
from app.figures.evidence import evidence_by_step, frames_in_words, main_span
from app.figures.map_card import failed_card, map_card, method_color, waiting_card
from app.figures.proof_badge import proof_badge, scientific

TOP = ExplainedClass(3, "pan right", 0.9, is_top=True)


def test_evidence_adds_up_to_one_for_and_against(make_map):
    steps = evidence_by_step(make_map([1, -1, 3, 3]))
    assert steps == [(1 / 8, 1 / 8), (6 / 8, 0)]


@pytest.mark.parametrize(
    ("shares", "first", "last", "share"),
    [
        ([0.1, 0.6, 0.2, 0.1], 1, 1, 0.6),
        ([0.3, 0.1, 0.3, 0.3], 2, 3, 0.6),
        ([0.25, 0.25, 0.25, 0.25], 0, 1, 0.5),
        ([1.0], 0, 0, 1.0),
    ],
    ids=["one step", "two steps", "even", "one frame"],
)
def test_main_span_is_the_shortest_with_half(shares, first, last, share):
    span = main_span([(value, 0.0) for value in shares])
    assert (span.first, span.last) == (first, last)
    assert span.share == pytest.approx(share)


def test_steps_are_told_as_frames_from_one():
    assert frames_in_words(0, 0, 1) == "frame 1"
    assert frames_in_words(1, 2, 2) == "frames 3\N{EN DASH}6"


@pytest.mark.parametrize(
    ("error", "tone", "words"),
    [
        (None, "plain", "promises no sum"),
        (7e-8, "good", "7.0"),
        (0.016, "bad", "misses its sum by 1.6"),
        (float("inf"), "bad", "misses its sum"),
    ],
)
def test_the_badge_is_red_above_the_limit(error, tone, words):
    html = proof_badge(error)
    assert f"badge-{tone}" in html and words in html


def test_small_numbers_have_a_power_of_ten():
    assert scientific(6.86e-8).endswith("10⁻⁸") and scientific(0) == "0"


def test_a_card_says_what_is_left_out_and_how_the_map_adds_up(make_map):
    html = map_card(make_map([1, -1, 3, 3], completeness_error=1e-7, bias_share=-0.05), tubelet=2)
    assert "badge-good" in html and "Leaves out the sign." in html
    assert "frames 3\N{EN DASH}4" in html and "\N{MINUS SIGN}5.0" in html and "12.0" in html


def test_a_flat_map_says_so(make_map):
    assert "Nearly flat" in map_card(make_map([1, 1.001, 1, 1]), 2)
    words = maps_sentence([make_map([1, 1.001, 1, 1])], TOP, 2, "toy")
    assert "points nowhere" in words


def test_cards_without_a_map_keep_their_places():
    for html in (waiting_card("latim", "Press Explain."), failed_card("latim", "No <b>.")):
        assert 'class="map-picture"' in html and 'class="map-strip"' in html
    assert "&lt;b&gt;" in failed_card("latim", "No <b>.")


def test_the_caption_names_the_frames_and_what_speaks_against(make_map):
    maps = [make_map([1, -1, 3, 3]), make_map([1, 1, 4, 4], method="latim")]
    words = maps_sentence(maps, TOP, 2, "toy")
    assert "frames 3\N{EN DASH}4 carry 75" in words and "there too" in words
    assert "Blue speaks against pan right" in words and "random" not in words
    assert "random" in maps_sentence(maps, TOP, 2, "untrained")
    assert maps_sentence([], TOP, 2, "toy") == CHOOSE


def test_agreement_names_the_closest_and_the_furthest():
    words = agreement_sentence(["A", "B", "C"], [[1, 0.9, 0.1], [0.9, 1, -0.2], [0.1, -0.2, 1]])
    assert "B and A are closest (0.90)" in words and "C and B furthest apart" in words


def test_the_class_is_the_top_one_unless_another_is_there():
    classes = [(2, "a", 0.7), (0, "b", 0.3)]
    assert explained_class(classes, -1) == ExplainedClass(2, "a", 0.7, True)
    assert explained_class(classes, 0) == ExplainedClass(0, "b", 0.3, False)
    assert explained_class(classes, 9).index == 2


def test_neighbouring_methods_have_colours_of_their_own():
    names = ("integrated_gradients", "exact_last_layer", "mamba_lrp", "saliency")
    assert len({method_color(name) for name in names}) == len(names)
