"""/mask_effects as a program sees it."""

from pathlib import Path

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

CLIPS = Path(__file__).parents[2] / "data" / "clips"


def ask(client: Client, **asked) -> dict:
    return client.predict(
        file=handle_file(CLIPS / "mocap_kick.mp4"),
        model="videomamba_mini.camera",
        api_name="/mask_effects",
        **asked,
    )


def test_points_and_costs_of_what_was_asked(client):
    found = ask(client, strategies="frame_row,block", ratios="0.8", seed=2)
    assert [point["strategy"] for point in found["points"]] == ["frame_row", "block"]
    assert [point["visible"] for point in found["points"]] == [64, 52]
    assert [cost["ratio"] for cost in found["costs"]] == [0.0, 0.8]
    assert (found["seed"], found["draws"], found["training"]) == (2, 8, "toy")
    for point in found["points"]:
        interval = point["probability"]
        assert 0 <= interval["low"] <= interval["mean"] <= interval["high"] <= 1


def test_a_wrong_request_is_one_sentence(client):
    with pytest.raises(AppError, match="There is no masking strategy 'rows'"):
        ask(client, strategies="rows")
