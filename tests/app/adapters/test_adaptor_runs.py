"""A real clip in the small Mamba-Adaptor: answers, places, curves, and what cannot be asked."""

import json
from types import SimpleNamespace

import pytest

from analysis.adaptation.errors import AdaptationError
from analysis.layers.token_grid import TokenGrid
from analysis.weights import WeightsError
from app import adaptor_costs
from app.adaptor_models import (
    DRAWN,
    ZERO,
    AdaptorSetting,
    adaptor_choices,
    adaptor_setting,
    parsed_dilations,
)
from app.adaptor_runs import AdaptorRuns, middle_token

SWITCHES = {
    "adaptors": DRAWN,
    "strength": 0.1,
    "parts": "both",
    "selection": "predicted",
    "coefficients": "predicted",
    "memory_range": "all",
    "locations": "sequence",
    "memory_sequences": 4,
    "memory_locations": 4,
    "dilations": "1, 2, 3",
    "share": "none",
    "share_directions": True,
}


def setting(**changed) -> AdaptorSetting:
    return adaptor_setting(**{**SWITCHES, **changed})


@pytest.fixture(scope="module")
def runs(session) -> AdaptorRuns:
    return AdaptorRuns(session)


def test_a_look_is_of_the_clip_in_the_small_host_and_plain_json(runs, short, monkeypatch):
    look = runs.look(short, setting(), 6, 100)
    assert (look["model"], look["training"]) == ("videomamba_mini.camera", "untrained")
    assert look["grid"] == [4, 8, 8] and look["tubelet"] == 2 and look["layers"] == 6
    assert len(look["share"]["both"]) == 257 and min(look["share"]["memory"]) > 0
    assert len(look["places"]) == 2 * 4 * 4
    by_sequence = [
        sum(p["coefficient"] for p in look["places"] if (p["direction"], p["sequence"]) == key)
        for key in {(p["direction"], p["sequence"]) for p in look["places"]}
    ]
    assert by_sequence == pytest.approx([1.0] * 8)
    assert sum(look["histogram"]["counts"]) == 257 * 2 * 16
    assert look["answers"]["logit_difference"] > 1e-3
    json.dumps(look, allow_nan=False)
    # Known now: no pass is needed.
    monkeypatch.setattr(runs, "traced", None)
    assert runs.look(short, setting(), 6, 100) == look


def test_at_strength_zero_the_answer_is_the_hosts(runs, short):
    look = runs.look(short, setting(strength=0), 2, 0)
    assert look["answers"]["logit_difference"] < 1e-5
    assert not any(look["share"]["both"])
    assert look["kernels"]["footprint"] == [[0.0] * 7] * 7
    for scan in runs.forgetting(short, setting(strength=0), 2)["scans"]:
        assert scan["plain"] == scan["with_memory"] and scan["ahead_share"] == 0


def test_curves_are_drawn_at_the_strength_and_adaptors_left_as_they_were(runs, short):
    found = runs.traced(short, setting())
    before = [layer.scans[0].adaptor.gamma.data_ptr() for layer in found.layers]
    curves = runs.forgetting(short, setting(), 6)["scans"]
    louder = runs.forgetting(short, setting(strength=0.2), 6)["scans"]
    for weak, strong in zip(curves, louder, strict=True):
        assert 0 < weak["ahead_share"] < strong["ahead_share"] < 1
    assert before == [layer.scans[0].adaptor.gamma.data_ptr() for layer in found.layers]
    assert found.layers[0].scans[0].adaptor.gamma.mean().item() == 1


def test_switches_reach_the_model(runs, short):
    past = runs.look(short, setting(memory_range="past", memory_sequences=2), 3, 50)
    assert past["histogram"]["ahead_share"] == 0 and len(past["places"]) == 2 * 2 * 4
    alone = runs.look(short, setting(parts="convolutions"), 3, 50)
    assert alone["places"] == [] and alone["histogram"] is None and alone["kernels"]
    assert not any(alone["share"]["memory"]) and any(alone["share"]["convolutions"])


def test_costs_are_of_the_switches_and_leave_the_host_apart(monkeypatch):
    asked = {}

    def counted(architecture, **switches):
        asked[architecture] = switches
        work = {"scan": 700, "adaptor_t": 200, "adaptor_s": 100}
        return SimpleNamespace(
            parameters={"scan": 50, "adaptor_t": 8, "adaptor_s": 2},
            parameter_count=60,
            multiply_adds=1000,
            parts=[SimpleNamespace(part=part, multiply_adds=n) for part, n in work.items()],
        )

    monkeypatch.setattr(adaptor_costs, "model_arithmetic", counted)
    cost = adaptor_costs.setting_cost(setting(memory_sequences=2, dilations="1, 2"))
    assert (cost.host_parameters, cost.memory_parameters, cost.convolution_parameters) == (50, 8, 2)
    assert (cost.host_multiply_adds, cost.memory_multiply_adds) == (700, 200)
    switches = asked["videomamba_adaptor_mini"]
    assert switches["memory_sequences"] == 2 and switches["dilations"] == (1, 2)


def test_the_menu_names_trained_adaptors_first():
    values = [value for _, value in adaptor_choices()]
    assert values == ["videomamba_adaptor_mini.fine_tuning", DRAWN, ZERO]
    assert middle_token(TokenGrid(1, 2, 2)) == 1 + 3


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"adaptors": "videomamba_mini.camera"}, "There are no adaptors"),
        ({"parts": "half"}, "There is no part 'half'"),
        ({"strength": 3.0}, "choose 0 to 2"),
        ({"memory_sequences": 64, "memory_locations": 8}, "choose at most 128"),
        ({"dilations": "1, 9"}, "'1, 9' are no dilations"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence(changed, words):
    with pytest.raises(AdaptationError, match=words):
        setting(**changed)


def test_switches_that_do_not_go_together_are_one_sentence(runs, short):
    with pytest.raises(WeightsError, match="Places on the grid have no past"):
        runs.look(short, setting(locations="grid", memory_range="past"), 1, 1)
    assert parsed_dilations(" 1,4 ") == (1, 4)
