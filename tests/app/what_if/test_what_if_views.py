"""Interventions as chosen, and answers before and after as shown."""

import pytest

from analysis.attribution.interventions.clip_edits import MaskInput, ReorderTime
from analysis.attribution.interventions.scan_edits import PatchState, ScaleDelta, SwitchOff
from analysis.attribution.method import AttributionError
from analysis.layers.token_grid import TokenGrid
from app.example_clips import list_examples
from app.figures.what_if import (
    leading_classes,
    no_outcome_view,
    outcome_sentence,
    outcome_view,
    signed,
)
from app.selection import Selection
from app.tabs.what_if_endpoint import requested_what
from app.what_if_runs import Part, WhatIf, check_what, intervention_of, middle_part, part_from

GRID = TokenGrid(2, 4, 4)
PART = Part((1,), (0, 1), (3,))
CLIP = str(list_examples()[0].path)
SELECTION = Selection(CLIP, "videomamba_mini.untrained", 8, 64, "spatial_first")


def made(name: str, **settings):
    return intervention_of(WhatIf(name, PART, **settings), GRID, 4, None)


def test_a_part_is_the_same_tokens_wherever_it_is_used():
    tokens = [1 + 16 + 3, 1 + 16 + 4 + 3]
    covered = made("cover")
    assert isinstance(covered, MaskInput) and covered.tokens.nonzero()[:, 0].tolist() == tokens
    scaled = made("scale_steps", factor=3.0, layer=1, directions=("backward",))
    assert isinstance(scaled, ScaleDelta) and scaled.tokens.nonzero()[:, 0].tolist() == tokens
    assert (scaled.factor, scaled.layers, scaled.directions) == (3.0, (1,), ("backward",))
    silenced = made("knock_out")
    assert silenced.layers is None and silenced.receivers.all()


def test_time_states_and_directions():
    reverse = made("reverse_time")
    assert isinstance(reverse, ReorderTime) and list(reverse.order) == [3, 2, 1, 0]
    assert sorted(made("shuffle_time").order) == [0, 1, 2, 3]
    state = made("patch_state", step=0)
    assert isinstance(state, PatchState) and state.token == 16
    assert isinstance(made("switch_off"), SwitchOff)


@pytest.mark.parametrize(
    "picked",
    [
        None,
        {"steps": [5], "rows": [0], "columns": [0]},
        {"steps": [], "rows": [0], "columns": [0]},
        {"rows": [0]},
        {"steps": ["x"], "rows": [0], "columns": [0]},
    ],
    ids=["nothing", "another grid", "no step", "incomplete", "no numbers"],
)
def test_what_fits_no_grid_becomes_its_middle(picked):
    assert part_from(picked, GRID) == middle_part(GRID) == Part((0, 1), (1, 2), (1, 2))


def test_a_picked_part_is_kept():
    assert part_from({"steps": [1], "rows": [0, 1], "columns": [3]}, GRID) == PART


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("cower", "{}", "There is no intervention 'cower'"),
        ("cover", "[1]", "must be a JSON object"),
        ("cover", "{", "must be a JSON object"),
        ("cover", '{"strength": 1}', "There is no setting 'strength'"),
        ("scale_steps", '{"factor": "two"}', "The setting factor cannot be 'two'"),
        ("cover", '{"baseline": "pink"}', "There is no baseline 'pink'"),
        ("patch_state", '{"step": 9}', "There is no time step 9"),
        ("patch_state", "{}", "Choose the other clip"),
        ("switch_off", '{"directions": []}', "at least one direction"),
    ],
)
def test_what_does_not_fit_is_one_sentence(name, settings, message):
    with pytest.raises(AttributionError, match=message.replace("[", r"\[")):
        check_what(requested_what(name, settings, "", SELECTION), SELECTION)


@pytest.fixture
def turned():
    """An answer that turns from left to right."""
    rows = (("left", 0.7, 0.2, -1.0, -0.9), ("right", 0.2, 0.7, 1.5, -0.3), ("up", 0.1, 0.1, 0, 0))
    classes = [
        {
            "label": label,
            "probability_before": before,
            "probability_after": after,
            "logit_before": 0.0,
            "logit_after": change,
            "logit_change": change,
            "linear_change": linear,
        }
        for label, before, after, change, linear in rows
    ]
    return {"intervention": "time reversed", "classes": classes}


def test_the_table_shows_both_answers_and_both_changes(turned):
    html = outcome_view(turned)
    assert html.index(">left<") < html.index(">right<") < html.index(">up<")
    assert "\N{MINUS SIGN}50.0" in html and "+1.50" in html and "\N{MINUS SIGN}0.300" in html
    assert html.count("<tr") == 4 and no_outcome_view().count("<tr") == 7


def test_classes_that_lead_afterwards_are_shown_too(turned):
    many = [
        {**turned["classes"][2], "label": f"class {n}", "probability_before": 1e-4 * n}
        for n in range(20)
    ]
    labels = [row["label"] for row in leading_classes({"classes": [*many, *turned["classes"]]})]
    assert labels[:2] == ["left", "right"] and len(labels) == 6


def test_the_caption_says_whether_the_answer_turns_and_whether_the_model_is_linear(turned):
    words = outcome_sentence(turned, "toy")
    assert words.startswith("Time reversed: the answer turns from left")
    assert "to right (70.0" in words and "close to linear" in words
    turned["classes"][0] |= {"linear_change": 0.5}
    assert "the other way" in outcome_sentence(turned, "toy")
    turned["classes"][0] |= {"linear_change": -4.0}
    assert "more than happened" in outcome_sentence(turned, "toy")
    assert "random" in outcome_sentence(turned, "untrained")


def test_changes_carry_their_sign():
    assert [signed(value) for value in (1.5, -0.25, 0.001)] == [
        "+1.50",
        "\N{MINUS SIGN}0.250",
        "0.00",
    ]
