"""What the page says of a clip in a small MoMa, against the models themselves."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from analysis.adaptation.errors import AdaptationError
from app.moma_models import small_moma
from app.moma_runs import COST_FRAMES, look_rows, moma_clip, moma_costs, moma_look, moma_reach
from app.tabs.adapters_moma_endpoint import requested_setting, requested_token

pytestmark = pytest.mark.usefixtures("one_thread")


def test_answers_are_those_of_tower_windows_and_scans(session, short, untrained, look):
    made = small_moma(untrained, 4)
    clip = moma_clip(session, short, untrained).clip[None]
    with torch.no_grad():
        logits = made.model(clip)[0].double().softmax(0)
        frozen, own = made.model.encode_frozen(clip)[0], made.model.encode_clips(clip)[0]
    tower, windows, scans = look.answers
    assert tower["cosine"] == pytest.approx(1) and windows["cosine"] < 1
    assert scans["label"] == made.labels[int(logits.argmax())]
    assert scans["probability"] == pytest.approx(float(logits.max()), abs=1e-5)
    assert scans["cosine"] == pytest.approx(float(own @ frozen), abs=1e-5)
    assert look.training == "untrained" and look.grid == [4, 8, 8]


def test_without_strength_nothing_is_turned_and_nobody_knows_the_order(session, short, untrained):
    silent = moma_look(session, short, replace(untrained, strength=0.0))
    assert all(max(layer["turn"]) < 1e-12 for layer in silent.layers)
    _, windows, scans = silent.answers
    assert {**windows, "reader": ""} == {**scans, "reader": ""}
    np.testing.assert_allclose(silent.shuffle["cosine"], 1, atol=1e-6)
    assert silent.shuffle["turned"] == 0


def test_switches_change_maps_and_answer_beside_the_published_ones(session, short, untrained, look):
    switched = moma_look(session, short, replace(untrained, fusion="add", pattern="T_then_M"))
    assert [one["reader"] for one in switched.answers][2:] == [
        "MoMa, switches as published",
        "MoMa, as switched here",
    ]
    assert {**switched.answers[2], "reader": ""} == {**look.answers[2], "reader": ""}
    assert switched.answers[3]["cosine"] != look.answers[2]["cosine"]
    assert all(layer["scale"] is None and layer["bias"] for layer in switched.layers)


def test_a_look_is_remembered_and_one_frame_has_no_order(session, short, untrained, look):
    assert moma_look(session, short, untrained) == look
    assert moma_look(session, replace(short, num_frames=1), untrained).shuffle is None


def test_reach_ends_at_the_window_until_there_are_scans(look, reach):
    windows, scans = (np.reshape(one["values"], look.grid) for one in (reach.windows, reach.scans))
    inside = np.zeros((4, 8, 8), bool)
    inside[1, :4, 4:] = True
    np.testing.assert_array_equal(windows != 0, inside)
    assert reach.windows["reached"] == 16 and reach.scans["reached"] == 256
    assert (scans != 0).all() and sum(reach.scans["shares"].values()) == pytest.approx(1)


def test_rows_name_every_token_of_every_modulation(look):
    rows = list(look_rows(look))
    assert len(rows) == len(look.layers) * 4 * 64
    found = rows[64 * 4 + 64 + 8 * 3 + 5]
    assert (found["modulation"], found["t"], found["y"], found["x"]) == (2, 1, 3, 5)
    assert found["turn"] == look.layers[1]["turn"][64 + 8 * 3 + 5]


def test_costs_are_of_the_named_model():
    assert [cost.frames for cost in moma_costs("moma_b16")] == list(COST_FRAMES)
    with pytest.raises(AdaptationError, match="no costs of 'vim'"):
        moma_costs("vim")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("[1]", "must be a JSON object"),
        ('{"fuse": "add"}', "There is no setting 'fuse'"),
        ('{"strength": "loud"}', "The setting strength cannot be 'loud'"),
        ('{"fusion": 3}', "The setting fusion cannot be 3"),
    ],
)
def test_a_wrong_request_is_one_sentence(settings, words):
    with pytest.raises(AdaptationError, match=words):
        requested_setting(settings)


def test_a_request_is_a_setting_and_a_token(session, short, untrained):
    assert requested_setting('{"strength": 1, "window": "2"}').window == "2"
    assert requested_token("") is None and requested_token("1, 2,3") == (1, 2, 3)
    for wrong in ("1,2", "a,b,c", "-1,0,0"):
        with pytest.raises(AdaptationError, match="is no token"):
            requested_token(wrong)
    with pytest.raises(AdaptationError, match="There is no token"):
        moma_reach(session, short, untrained, (9, 0, 0))
