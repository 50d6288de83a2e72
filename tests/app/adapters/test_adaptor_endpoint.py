"""/adaptor_memory over HTTP: places and curves of a clip, refusals in one sentence."""

from pathlib import Path

import pytest

CLIP = Path(__file__).parents[2] / "data" / "clips" / "mocap_kick.mp4"


def asked(client, **fields) -> dict:
    from gradio_client import handle_file

    return client.predict(file=handle_file(CLIP), api_name="/adaptor_memory", **fields)


def test_a_program_reads_places_and_curves(client):
    found = asked(client, layer=3, token="1,2,3", memory_range="past", sequences=2, places=2)
    assert (found["layer"], found["token"]) == (3, 1 + (1 * 8 + 2) * 8 + 3)
    assert found["training"] == "untrained" and found["setting"]["strength"] == 0.1
    assert len(found["places"]) == 2 * 2 * 2
    assert all(place["offset"] <= 0 for place in found["places"])
    assert [scan["ahead_share"] for scan in found["forgetting"]] == [0, 0]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"token": "frame 1"}, "frame 1 reads no places"),
        ({"layer": 9}, "layers 1 to 6"),
        ({"selection": "magic"}, "Unknown selection 'magic'"),
    ],
)
def test_a_wrong_request_is_one_sentence(client, fields, words):
    with pytest.raises(Exception, match=words):
        asked(client, **fields)
