"""/what_if as a program sees it."""

import json
from pathlib import Path

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

CLIPS = Path(__file__).parents[2] / "data" / "clips"
MODEL = "videomamba_mini.camera"


def ask(client: Client, intervention: str, other: Path | None = None, **settings) -> dict:
    return client.predict(
        file=handle_file(CLIPS / "mocap_kick.mp4"),
        model=MODEL,
        intervention=intervention,
        settings=json.dumps(settings),
        other=None if other is None else handle_file(other),
        api_name="/what_if",
    )


def test_an_empty_change_changes_nothing_and_is_predicted(client):
    found = ask(client, "scale_steps", factor=1)
    for row in found["classes"]:
        assert row["logit_change"] == pytest.approx(0, abs=1e-4)
        assert row["linear_change"] == pytest.approx(0, abs=1e-4)


def test_a_covered_part_changes_the_answer(client):
    part = {"steps": [0], "rows": [0, 1, 2], "columns": [4]}
    found = ask(client, "cover", part=part, baseline="blur")
    assert found["settings"]["tokens"] == [5, 13, 21]
    assert any(abs(row["logit_change"]) > 1e-6 for row in found["classes"])
    before = sum(row["probability_before"] for row in found["classes"])
    assert before == pytest.approx(1, abs=1e-6)


def test_a_state_comes_from_another_clip(client):
    found = ask(client, "patch_state", CLIPS / "hand_cup.mp4", step=1, directions=["forward"])
    assert found["settings"]["token"] == 128
    assert any(abs(row["logit_change"]) > 1e-6 for row in found["classes"])


def test_a_wrong_request_is_one_sentence(client):
    with pytest.raises(AppError) as error:
        ask(client, "cover", baseline="pink")
    assert "There is no baseline 'pink'" in str(error.value)
