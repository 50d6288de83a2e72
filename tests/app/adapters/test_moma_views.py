"""Figures, tables and sentences of the MoMa section, from looks of known numbers."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.adaptation.mixing_cost import MixingCost
from analysis.weights import weights_card
from app.components.moma_pictures import modulation_picture, reach_picture
from app.figures.moma import answers_view, layers_figure, mixing_figure, shuffle_figure, small
from app.figures.moma_sentences import (
    answers_sentence,
    map_sentence,
    mixing_sentence,
    reach_sentence,
    shuffle_sentence,
    standing_view,
)
from app.moma_models import TOWER_WEIGHTS
from app.moma_runs import MomaLook, MomaReach, moma_clip


@pytest.fixture
def known() -> MomaLook:
    """Two modulations of a clip of two frames of two tokens, the second one without scale."""
    readers = (("tower", "ring", 0.5, 1.0), ("windows", "ring", 0.4, 0.9), ("x", "disc", 0.6, 0.7))
    return MomaLook(
        clip="a.mp4",
        setting={"fusion": "seqmod", "cls": "drop"},
        training="untrained",
        grid=[2, 1, 2],
        layers=[
            {"scale": [0.1, 0.2, 0.3, 0.4], "bias": [0.0] * 4, "turn": [0.0, 0.0, 0.5, 0.1]},
            {"scale": None, "bias": [0.5] * 4, "turn": [0.0] * 4},
        ],
        answers=[
            dict(zip(("reader", "label", "probability", "cosine"), one, strict=True))
            for one in readers
        ],
        shuffle={
            "orders": [[1, 0], [1, 0]],
            "cosine": [0.75, 0.5],
            "frozen_cosine": [1.0, 1 - 1e-12],
            "turned": 1,
        },
        latency_ms=1.0,
    )


def test_the_table_names_readers_answers_and_cosines(known):
    html = answers_view(known)
    assert html.count("<tr>") == 1 + 3 and "disc" in html and "60.0" in html
    assert answers_view(None).count("<tr>") == 1 + 3
    words = answers_sentence(known)
    assert "turns from ring to disc" in words and "0.700" in words and "not the CLIP" in words


def test_layers_are_means_and_what_a_fusion_lacks_is_left_out(known):
    traces = {trace.name.split(",")[0]: trace for trace in layers_figure(known).data}
    assert set(traces) == {"Bias", "Turn"}
    np.testing.assert_allclose(traces["Turn"].y, [0.15, 0.0])
    assert len(layers_figure(None).data) == 0


def test_shuffles_are_bars_of_what_moved_and_the_mean_stands_still(known):
    moved, still = shuffle_figure(known).data
    np.testing.assert_allclose(moved.y, [0.25, 0.5])
    np.testing.assert_allclose(still.y, 0, atol=1e-11)
    words = shuffle_sentence(known)
    assert "up to 0.500" in words and "changes in 1 of them" in words and "Untrained" in words
    assert "no order" in shuffle_sentence(replace(known, shuffle=None))
    assert small(1e-12).startswith("<") and small(0.0) == "0"


def test_the_map_says_where_tokens_turn_most_and_when_none_does(known):
    assert "row 1, column 1 of frame 2 is turned most, to 0.500" in map_sentence(known, 1)
    assert "leaves every token exactly" in map_sentence(known, 2)


def test_pictures_show_the_values_on_their_own_frames(session, short, untrained, look, reach):
    sampled = moma_clip(session, short, untrained)
    picture = modulation_picture(look, sampled, 2, "turn")
    assert picture["values"][70] == pytest.approx(look.layers[1]["turn"][70], rel=1e-2)
    assert picture["grid"] == {"t": 4, "h": 8, "w": 8} and picture["film"]["count"] == 4
    lacking = replace(look, layers=[{**look.layers[0], "scale": None}])
    assert modulation_picture(lacking, sampled, 1, "scale") is None
    windows = reach_picture(reach, sampled, "windows")
    assert windows["subject"] == {"kind": "token", "index": 64 + 5}
    assert [frame["share"] for frame in windows["frames"]] == [0, 1, 0, 0]


def test_reach_is_counted_and_shared_out():
    shares = {"itself": 0.5, "own window": 0.2, "own frame": 0.1}
    shares |= {"earlier frames": 0.15, "later frames": 0.05}
    reach = MomaReach(
        clip="a.mp4",
        setting={},
        grid=[2, 4, 4],
        token=[0, 1, 2],
        windows={"values": [], "reached": 4, "shares": {}},
        scans={"values": [], "reached": 32, "shares": shares},
    )
    words = reach_sentence(reach)
    assert "Row 2, column 3 of frame 1 hears of 4 of 32" in words and "30.0" in words
    silent = replace(reach, scans={**reach.scans, "reached": 4})
    assert "nothing that carries further" in reach_sentence(silent)


def test_costs_are_lines_and_a_ratio():
    costs = [MixingCost(1, 10, 10, 5, 5), MixingCost(4, 100, 40, 20, 20)]
    full, *_, scans = mixing_figure(costs).data
    assert list(full.y) == [10, 100] and list(scans.y) == [5, 20]
    words = mixing_sentence(costs)
    assert "costs 2.50 times" in words and "grows 4.00" in words and "attention's 10.0" in words


def test_how_far_scans_and_tower_are_trained_stands_first():
    tower = weights_card(TOWER_WEIGHTS)
    untrained = standing_view(None, tower)
    assert untrained.index("badge-bad") < untrained.index("badge-warn")
    assert "drawn at seed 0" in untrained and "last projections at zero" in untrained
    trained = standing_view(weights_card("videomamba_mini.camera"), tower)
    assert "badge-bad" not in trained and "our reading" in trained
