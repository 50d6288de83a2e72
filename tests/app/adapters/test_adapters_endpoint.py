"""/adapters as a program sees it."""

import json
from pathlib import Path

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

CLIP = Path(__file__).parents[2] / "data" / "clips" / "mocap_kick.mp4"


def ask(client: Client, token: str = "", **settings) -> dict:
    return client.predict(
        file=handle_file(CLIP),
        settings=json.dumps(settings),
        token=token,
        frames=4,
        api_name="/adapters",
    )


def test_a_program_gets_maps_answers_and_the_reach_of_a_token(client):
    found = ask(client, "3,7,0", weights="untrained", window="2")
    assert found["training"] == "untrained" and found["grid"] == [4, 8, 8]
    assert [len(layer["turn"]) for layer in found["layers"]] == [256] * 4
    assert found["reach"]["windows"]["reached"] == 4 and found["reach"]["scans"]["reached"] == 256
    assert "reach" not in ask(client, weights="untrained", window="2")


def test_a_wrong_request_is_one_sentence(client):
    with pytest.raises(AppError, match="no pattern 'MT'"):
        ask(client, pattern="MT")
