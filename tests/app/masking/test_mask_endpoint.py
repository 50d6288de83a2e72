"""/mask as a program sees it."""

from pathlib import Path

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

CLIPS = Path(__file__).parents[2] / "data" / "clips"
MODEL = "videomamba_mini.camera"


def ask(client: Client, **asked) -> dict:
    return client.predict(
        file=handle_file(CLIPS / "mocap_kick.mp4"), model=MODEL, api_name="/mask", **asked
    )


def test_all_strategies_come_with_their_hidden_tokens_and_runs(client):
    found = ask(client, strategy="all", ratio=0.8, seed=0)
    assert found["grid"] == [4, 8, 8] and found["teacher"] == "clip_mini.pictures"
    rows = {row["strategy"]: row for row in found["masks"]}
    assert len(rows) == 7
    assert all(len(row["hidden"]) + row["visible"] == 256 for row in rows.values())
    whole = {token // 8 for token in rows["frame_row"]["hidden"]}
    assert len(rows["frame_row"]["hidden"]) == 8 * len(whole) == 192
    assert rows["frame_row"]["mean_run_spatial_first"] > rows["random"]["mean_run_spatial_first"]


def test_one_strategy_is_the_same_alone_and_again(client):
    alone = ask(client, strategy="tube", ratio=0.5, seed=4)
    assert [row["strategy"] for row in alone["masks"]] == ["tube"]
    assert ask(client, strategy="tube", ratio=0.5, seed=4) == alone
    sites = [
        {token % 64 for token in alone["masks"][0]["hidden"] if token // 64 == step}
        for step in range(4)
    ]
    assert sites[0] == sites[1] == sites[2] == sites[3]


def test_a_wrong_request_is_one_sentence(client):
    with pytest.raises(AppError) as error:
        ask(client, strategy="rows", ratio=0.8, seed=0)
    assert "There is no masking strategy 'rows'" in str(error.value)
