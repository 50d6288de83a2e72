"""/search and /libraries as a program sees them."""

import pytest
from gradio_client import handle_file
from gradio_client.exceptions import AppError

from tests.app.retrieval.conftest import CLIPS


def ask(client, **asked):
    return client.predict(api_name="/search", **{"file": None, **asked})


def test_a_folder_of_this_machine_is_made_and_searched(client, clip_folder):
    found = ask(client, text="a red star moves left", library=str(clip_folder), top=3)
    rows = found["moments"]
    assert 1 <= len(rows) <= 3
    for row in rows:
        assert (clip_folder / row["video"]).is_file() and 0 <= row["t0"] < row["t1"]
        assert row["score"] == row["similarity"] and row["match"] is None
    assert [row["score"] for row in rows] == sorted((row["score"] for row in rows), reverse=True)
    assert (found["training"], found["score"]) == ("toy", "similarity")
    (listed,) = (
        one for one in client.predict(api_name="/libraries") if one["title"] == str(clip_folder)
    )
    assert "3 videos" in listed["holds"]

    # By the library's key, one video only, ordered by match.
    again = ask(
        client,
        text="a red star moves left",
        library=listed["key"],
        match=True,
        video="mocap_walk.mp4",
    )
    assert {row["video"] for row in again["moments"]} == {"mocap_walk.mp4"}
    assert again["score"] == "match logit" and again["looked_at_again"] == len(again["moments"])
    clip = ask(client, file=handle_file(CLIPS / "mocap_kick.mp4"), library=listed["key"])
    assert clip["moments"][0]["video"] == "mocap_kick.mp4"
    assert clip["moments"][0]["score"] == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        pytest.param({"text": "", "library": "examples"}, "Send a text", id="nothing"),
        pytest.param({"text": "a star", "library": "films"}, "no library .films", id="name"),
        pytest.param({"text": "a star", "library": "/nowhere"}, "no folder", id="folder"),
        pytest.param({"text": "a star", "library": "examples", "top": 0}, "0 moments", id="top"),
        pytest.param(
            {"text": "a star", "library": "examples", "time": "x"}, "says no time", id="t"
        ),
    ],
)
def test_a_wrong_request_is_one_sentence(client, asked, words):
    with pytest.raises(AppError, match=words):
        ask(client, **asked)
