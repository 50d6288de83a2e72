"""/compare_scans as a program sees it: one row per order, one sentence when it cannot be done."""

from pathlib import Path

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from analysis.ops.scan_order import SCAN_ORDERS

CLIP = Path(__file__).parents[2] / "data" / "clips" / "mocap_kick.mp4"
MODEL = "videomamba_mini.untrained"


def compare(client: Client, file: Path = CLIP, **settings) -> list[dict]:
    request = {"model": MODEL, "orders": "all"} | settings
    return client.predict(file=handle_file(file), **request, api_name="/compare_scans")


def test_all_orders_with_answers_costs_and_geometry(client):
    rows = compare(client)
    assert [row["scan_order"] for row in rows] == list(SCAN_ORDERS)
    for row in rows:
        assert row["relation"] == "untrained" and row["caution"]
        assert len(row["predictions"]) == 5
        assert 0 <= row["divergence_bits"] <= 1
        assert row["latency_ms"] > 0
        assert row["grid"] == [4, 8, 8]
    assert rows[0]["divergence_bits"] == 0


def test_chosen_orders_come_in_the_order_asked_for(client):
    rows = compare(client, orders="alternating, spatial_first, alternating", top=2)
    assert [row["scan_order"] for row in rows] == ["alternating", "spatial_first"]
    assert [len(row["predictions"]) for row in rows] == [2, 2]


def test_another_setting_has_another_grid(client):
    (row,) = compare(client, orders="temporal_first", frames=16, resolution=32)
    assert row["grid"] == [8, 4, 4]
    assert (row["horizontal_distance"], row["temporal_distance"]) == (8, 1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"orders": "zigzag"}, "There is no scan order 'zigzag'; send all, or some of"),
        ({"orders": " , "}, "No scan order was named"),
        ({"model": "videomamba_minni.untrained"}, "did you mean videomamba_mini.untrained"),
        ({"frames": 7}, "tubelets of 2"),
    ],
    ids=["unknown order", "no order", "unknown model", "impossible frames"],
)
def test_a_wrong_request_is_one_sentence(client, settings, message):
    with pytest.raises(AppError) as error:
        compare(client, **settings)
    assert message in str(error.value)
    assert "Traceback" not in str(error.value)


def test_a_broken_file_is_one_sentence(client, tmp_path):
    broken = tmp_path / "notes.mp4"
    broken.write_text("no video in here")
    with pytest.raises(AppError) as error:
        compare(client, broken)
    assert "notes.mp4" in str(error.value) and "Traceback" not in str(error.value)
