"""What the browser is sent to draw: the orders' own permutations, in lanes by kind of layer."""

import json

import pytest

from analysis.ops.scan_order import SCAN_ORDERS, token_permutation
from app.components.scan_path import layers_in_words, scan_path


def lanes(value: dict, order: str) -> list[tuple[str, str, str]]:
    (found,) = [entry for entry in value["orders"] if entry["name"] == order]
    return [(lane["caption"], lane["forward"], lane["backward"]) for lane in found["lanes"]]


def test_permutations_and_grid_are_those_of_the_model(planned):
    value = scan_path(planned(SCAN_ORDERS))
    assert value["grid"] == {"t": 4, "h": 8, "w": 8}
    assert value["token_orders"] == {
        name: token_permutation(name, 4, 8, 8).tolist()
        for name in ("spatial_first", "temporal_first")
    }
    assert [entry["name"] for entry in value["orders"]] == list(SCAN_ORDERS)
    assert json.loads(json.dumps(value)) == value


def test_lanes_follow_directions_and_layers(planned):
    value = scan_path(planned(SCAN_ORDERS))
    spatial, temporal = ("spatial_first",) * 2, ("temporal_first",) * 2
    assert lanes(value, "spatial_first") == [
        ("all layers: spatial first, both directions", *spatial)
    ]
    assert lanes(value, "spatiotemporal_v1") == [
        (
            "all layers: forward spatial first, backward temporal first",
            "spatial_first",
            "temporal_first",
        )
    ]
    assert [lane[1:] for lane in lanes(value, "spatiotemporal_v2")] == [spatial, temporal]
    assert [lane[0] for lane in lanes(value, "half_temporal_half_spatial")] == [
        "layers 1\N{EN DASH}3: temporal first, both directions",
        "layers 4\N{EN DASH}6: spatial first, both directions",
    ]
    assert [lane[0][:5] for lane in lanes(value, "alternating")] == ["odd l", "even "]


@pytest.mark.parametrize(
    ("layers", "depth", "words"),
    [
        (range(6), 6, "all layers"),
        ([0], 1, "all layers"),
        ([2], 3, "layer 3"),
        ([0, 1, 2], 6, "layers 1\N{EN DASH}3"),
        ([0, 1], 4, "layers 1\N{EN DASH}2"),
        ([0, 2, 4], 6, "odd layers"),
        ([1, 3], 5, "even layers"),
        ([0, 1, 5], 6, "layers 1, 2, 6"),
    ],
)
def test_layers_in_words(layers, depth, words):
    assert layers_in_words(list(layers), depth) == words


def test_badges_say_what_the_order_is(planned):
    value = scan_path(planned(["spatial_first", "alternating"]))
    texts = [[badge["text"] for badge in entry["badges"]] for entry in value["orders"]]
    assert texts == [["trained order"], ["reordered", "our reading"]]


def test_no_orders_draws_nothing():
    assert scan_path(()) == {"grid": {"t": 0, "h": 0, "w": 0}, "token_orders": {}, "orders": []}
