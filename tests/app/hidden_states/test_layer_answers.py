"""Questions about a layer: one forward pass, then answers from the traces that are kept."""

from dataclasses import replace

import pytest

from analysis.attribution.exact.block_matrix import block_matrix
from analysis.attribution.exact.token_map import MapQuestion, Subject
from analysis.attribution.method import AttributionError
from analysis.layers.token_grid import TokenGrid
from app.layer_answers import (
    known_matrix,
    layer_maps,
    map_rows,
    map_settings,
    matrix_of_layer,
    memory_of_layer,
    requested_layer,
    requested_subject,
)
from app.traced_layers import TracedLayers, held_bytes

PATCH = MapQuestion(Subject("token", 90))


def test_the_model_runs_once_for_many_questions(session, mini, monkeypatch):
    with session.loaded(mini) as loaded:
        passes = []
        handle = loaded.model.register_forward_hook(lambda *_: passes.append(1))
    selection = replace(mini, scan_order="temporal_first")
    for layer in (1, 6):
        for subject in (Subject("token", 3), Subject("frame", 1), Subject("readout")):
            layer_maps(session, selection, layer, MapQuestion(subject))
        memory_of_layer(session, selection, layer)
    handle.remove()
    assert len(passes) == 1
    assert session.is_traced(selection, 0) and session.is_traced(selection, 5)


def test_a_map_adds_up_and_says_what_it_is_of(session, mini):
    found = layer_maps(session, mini, 2, PATCH)
    settings = map_settings(found, mini)
    assert settings["completeness_error"] < 1e-4
    assert (settings["layer"], settings["layers"]) == (2, 6)
    assert settings["subject"] == "1,3,1" and settings["grid"] == [4, 8, 8]
    rows = map_rows(found)
    assert len(rows) == 1 + 4 * 8 * 8
    assert rows[0] == {"token": "cls", "value": found.asked.cls_value}
    assert rows[90] == {
        "token": "patch",
        "t": 1,
        "y": 3,
        "x": 1,
        "value": float(found.asked.values[1, 3, 1]),
    }


def test_a_logit_share_is_of_the_class_the_model_names(session, mini):
    found = layer_maps(session, mini, 6, MapQuestion(Subject("readout"), score="logit_share"))
    with session.loaded(mini) as loaded:
        assert found.label in loaded.labels
    assert 1 / 9 <= found.probability <= 1


def test_a_matrix_is_kept_with_its_trace(session, mini):
    assert known_matrix(session, replace(mini, scan_order="alternating"), 3) is None
    made = matrix_of_layer(session, mini, 3)
    assert known_matrix(session, mini, 3) is made
    with session.loaded(mini) as loaded:
        layer = session.traced(mini, loaded, 2).layer
    assert (made.values == block_matrix(layer).values).all()


def test_a_long_pass_keeps_only_the_layer_that_is_asked_for(session, mini):
    with session.loaded(mini) as loaded:
        trace = session.traced(mini, loaded, 0).trace
    asked = []

    def record(layers):
        asked.append(layers)
        return trace

    kept = TracedLayers(limit=1000)
    first = kept.get("clip", 4, record, pass_bytes=501)
    assert kept.get("clip", 4, record, pass_bytes=501) is first
    assert asked == [[4]]
    assert kept.holds("clip", 4) and not kept.holds("clip", 3)
    TracedLayers(limit=1000).get("clip", 4, record, pass_bytes=500)
    assert asked == [[4], None]


def test_shared_tensors_weigh_once(session, mini):
    with session.loaded(mini) as loaded:
        layer = session.traced(mini, loaded, 0).layer
    forward, backward = layer.scans
    assert forward.x.data_ptr() == backward.x.data_ptr()
    apart = held_bytes(forward) + held_bytes(backward)
    assert held_bytes((forward, backward)) <= apart - forward.x.numel() * 4


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("readout", Subject("readout")),
        (" CLS ", Subject("token", 0)),
        ("1, 0, 2", Subject("token", 1 + 12 + 2)),
        ("frame 1", Subject("frame", 1)),
    ],
)
def test_a_subject_in_words(text, subject):
    assert requested_subject(text, TokenGrid(2, 3, 4)) == subject


@pytest.mark.parametrize("text", ["", "5", "2,0,0", "frame", "frame x", "0,0,0,0"])
def test_a_subject_that_is_none_is_one_sentence(text):
    with pytest.raises(AttributionError, match=r"^[A-Z].*\.$"):
        requested_subject(text, TokenGrid(2, 3, 4))


def test_layers_count_from_one_and_zero_is_the_last():
    assert [requested_layer(number, 6) for number in (0, 1, 6)] == [6, 1, 6]
    with pytest.raises(AttributionError, match="layers 1 to 6, not 7"):
        requested_layer(7, 6)
