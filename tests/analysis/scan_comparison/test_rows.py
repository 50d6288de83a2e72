"""Rows for tables and files: JSON-ready, complete, and the same keys before and after a run."""

import json

import pytest

from analysis.models import model_config
from analysis.ops.scan_order import SCAN_ORDERS
from analysis.scan_comparison.compare import compare_scans
from analysis.scan_comparison.rows import comparison_rows, planned_rows


def test_rows_survive_json_and_carry_what_must_not_be_lost(loaded_debug, sampled):
    rows = comparison_rows(compare_scans(loaded_debug(), sampled, repeats=1), top=2)
    assert json.loads(json.dumps(rows, allow_nan=False)) == rows
    assert [row["scan_order"] for row in rows] == list(SCAN_ORDERS)
    for row in rows:
        assert len(row["predictions"]) == 2
        assert row["label"] == row["predictions"][0]["label"]
        assert row["relation"] in ("trained order", "reordered")
        assert row["caution"] and row["interpretation"] and row["memory_method"]
    assert "not the quality of the order" in rows[1]["caution"]


def test_all_classes_are_kept_by_default(loaded_debug, sampled):
    loaded = loaded_debug()
    (row,) = comparison_rows(compare_scans(loaded, sampled, ["alternating"], repeats=1))
    assert {entry["label"] for entry in row["predictions"]} == set(loaded.labels)
    assert sum(entry["probability"] for entry in row["predictions"]) == pytest.approx(1)


def test_a_planned_row_is_the_later_row_without_answer_and_cost(loaded_debug, sampled):
    loaded = loaded_debug()
    orders = ("spatial_first", "half_spatial_half_temporal")
    planned = planned_rows(orders, loaded.card, loaded.model.config)
    measured = comparison_rows(compare_scans(loaded, sampled, orders, repeats=1))
    needs_a_run = {"decay_rate", "spatial_locality", "temporal_locality", "layer_kinds"}
    for before, after in zip(planned, measured, strict=True):
        assert before.keys() < after.keys()
        for key in before.keys() - needs_a_run:
            assert before[key] == after[key], key
        assert [kind["layers"] for kind in before["layer_kinds"]] == [
            kind["layers"] for kind in after["layer_kinds"]
        ]


def test_mixed_plans_list_their_kinds_of_layers(loaded_debug):
    (row,) = planned_rows(
        ["alternating"], loaded_debug().card, model_config("videomamba_debug", depth=4)
    )
    spatial, temporal = row["layer_kinds"]
    assert (spatial["layers"], temporal["layers"]) == ([0, 2], [1, 3])
    assert (spatial["forward"], temporal["backward"]) == (["spatial_first"], ["temporal_first"])
    assert (spatial["temporal_distance"], temporal["temporal_distance"]) == (16, 1)
    assert row["temporal_distance"] == 1
