"""The sentences under the figures carry this clip's numbers and the needed reservations."""

from app.figures.number_format import THIN_SPACE
from app.figures.scan_sentences import (
    answers_sentence,
    classes_sentence,
    cost_sentence,
    distance_sentence,
    reach_sentence,
)


def plain(sentence: str) -> str:
    return sentence.replace(THIN_SPACE, " ")


def test_answers_name_agreement_and_the_furthest_order(measured):
    assert plain(answers_sentence(measured())) == (
        "In Spatial first, its trained order, the model says pan left (80.0 %). "
        "1 of 2 reordered runs keeps the trained order's class; Temporal first moves furthest, "
        "0.310 bit, to pan right (50.0 %). "
        "This is robustness to reordering, not the quality of an order."
    )


def test_one_reordered_run_alone_is_still_a_sentence(measured):
    sentence = plain(answers_sentence(measured(["temporal_first"])))
    assert sentence.startswith("The reordered run leaves the trained order's class;")


def test_untrained_weights_are_not_interpreted(measured):
    assert "the classes mean nothing" in answers_sentence(measured(training="untrained"))


def test_before_a_run_the_sentence_says_what_to_do(planned):
    assert answers_sentence(planned()).startswith("Press Compare")
    assert answers_sentence([]).startswith("Press Compare")


def test_class_with_the_largest_spread(measured):
    assert plain(classes_sentence(measured())) == (
        "The leading class that depends most on the order is pan left: 20.0 % in Temporal first, "
        "80.0 % in Spatial first."
    )


def test_equal_answers_are_called_equal(measured):
    first, *_ = measured(["spatial_first"])
    assert classes_sentence([first, first]).startswith("No leading class moves")


def test_cost_explains_the_slowest_by_its_scans(measured):
    assert plain(cost_sentence(measured())) == (
        "Spatiotemporal v2 takes 1.90 times as long as the trained order (38.0 ms), for 4 scans a "
        "layer instead of 2; the others 1.00 to 1.10 times. Each time is the median of runs in "
        "turn with the trained order."
    )
    assert plain(cost_sentence(measured(["spatial_first"]))).startswith("Spatial first takes 20.0")


def test_geometry_sentences_need_no_run(planned):
    rows = planned(["spatial_first", "temporal_first"])
    assert plain(distance_sentence(rows)) == (
        "Spatial first keeps neighbours within a frame 4.5 steps apart and the next frame 64 steps "
        "away; Temporal first brings the next frame to 1 step and spreads a frame to 18 steps. "
        "Two marks of a kind: two kinds of layers."
    )
    assert plain(reach_sentence(rows)) == (
        "A convolution of 4 taps looks 3 steps back. Spatial first: 50 % in space and 0 % in time; "
        "Temporal first: 0 % in space and 100 % in time. What it misses must travel through the "
        "state."
    )


def test_one_frame_has_no_time(planned):
    rows = planned(["spatial_first"], num_frames=2)
    assert "one frame has no neighbours in time" in distance_sentence(rows)
    assert "in time" not in reach_sentence(rows)
