"""/profile_run as a program sees it."""

from pathlib import Path

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

CLIP = Path(__file__).parents[2] / "data" / "clips" / "mocap_kick.mp4"
REQUEST = {"model": "videomamba_mini.untrained", "frames": 4, "resolution": 32, "steps": 1}


def profile(client: Client, **settings) -> dict:
    request = REQUEST | settings
    return client.predict(file=handle_file(CLIP), **request, api_name="/profile_run")


def test_two_runs_with_their_difference(client):
    answer = profile(client, second="timesformer_tiny_divided")
    ours, peer = answer["runs"]
    assert (ours["model"], ours["tokens"]) == ("videomamba_mini.untrained", 2 * 4 * 4 + 1)
    assert peer["run"] == "timesformer_tiny_divided (softmax, random weights)"
    for run in answer["runs"]:
        total = sum(row["self_ms"] for row in run["regions"])
        assert total == pytest.approx(run["typical_step_ms"], rel=1e-3)
    by_region = {row["region"]: row for row in answer["differences"]}
    assert by_region["scan"]["second_ms"] is None
    assert by_region["attention"]["first_ms"] is None


def test_a_training_step_alone(client):
    answer = profile(client, training=True)
    (run,) = answer["runs"]
    assert answer["differences"] == []
    assert ("scan_bwd", "backward") in {(row["region"], row["pass"]) for row in run["regions"]}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"second": "timesformer_tiny_jont"}, "did you mean timesformer_tiny_joint"),
        ({"attention_kernel": "flash"}, "choose softmax or sdpa"),
        ({"steps": 0}, "choose 1 to"),
        ({"frames": 7}, "tubelets of 2"),
    ],
    ids=["second model", "attention kernel", "steps", "frames"],
)
def test_a_wrong_request_is_one_sentence(client, settings, message):
    with pytest.raises(AppError) as error:
        profile(client, **settings)
    assert message in str(error.value)
    assert "Traceback" not in str(error.value)
