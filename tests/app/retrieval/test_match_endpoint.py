"""/why, /caption_scores and /score_list as a program sees them."""

import json

import pytest
from gradio_client import handle_file
from gradio_client.exceptions import AppError

from app.example_clips import EXAMPLES_FOLDER

CLIP = EXAMPLES_FOLDER / "moving_objects" / "0003_ring_blue_right_and_up_static.mp4"


def test_why_shares_the_similarity_out(client):
    found = client.predict(file=handle_file(CLIP), text="A blue ring.", time="0-2", api_name="/why")
    assert found["text"]["text"] == "a blue ring" and (found["t0"], found["t1"]) == (0.0, 2.0)
    for level in found["levels"].values():
        total = sum(level["tokens"]) + level["cls"] + level["constant"]
        assert total == pytest.approx(found["similarity"], abs=1e-5)
    assert [word["word"] for word in found["words"]] == ["a", "blue", "ring"]


def test_captions_are_ranked(client):
    found = client.predict(
        file=handle_file(CLIP), text="a blue ring\na red star\n", api_name="/caption_scores"
    )
    scores = [row["similarity"] for row in found["captions"]]
    assert len(scores) == 2 and scores == sorted(scores, reverse=True)


def test_the_example_list_is_scored(client):
    found = client.predict(file=None, top=2, api_name="/score_list")
    assert len(found["similarities"]) == found["texts"] == 12
    assert all(sum(one is not None for one in row) == 2 for row in found["match_logits"])


@pytest.mark.parametrize(
    ("endpoint", "values", "words"),
    [
        ("/why", {"text": "a ring"}, "No file was sent"),
        ("/why", {"file": CLIP, "text": "?!"}, "There are no words"),
        ("/why", {"file": CLIP, "text": "a ring", "time": "soon"}, "says no time"),
        ("/caption_scores", {"file": CLIP, "text": " \n"}, "There is no text to compare"),
        (
            "/caption_scores",
            {"file": CLIP, "text": "a", "model": "videomamba_mini.camera"},
            "is no video-text model",
        ),
        ("/score_list", {"library": "nothing"}, 'There is no library "nothing"'),
        ("/score_list", {"top": 0}, "top is 0"),
    ],
    ids=["file", "words", "time", "lines", "model", "library", "top"],
)
def test_a_wrong_request_is_one_sentence(client, endpoint, values, words):
    sent = {k: handle_file(v) if k == "file" else v for k, v in values.items()}
    with pytest.raises(AppError) as error:
        client.predict(**{"file": None, **sent}, api_name=endpoint)
    assert words in str(error.value)


def test_a_list_of_a_stranger_reads_no_other_files(client, tmp_path):
    path = tmp_path / "list.json"
    path.write_text(json.dumps([{"video": "../settings.py", "caption": "a ring"}]))
    with pytest.raises(AppError) as error:
        client.predict(file=handle_file(path), library="examples", api_name="/score_list")
    assert "is outside the folder" in str(error.value)
