"""What programs get over HTTP, asked with Gradio's own client of the running app."""

import shutil

import httpx
import pytest
from gradio_client import Client, handle_file

from analysis.weights import list_weights
from app.example_clips import list_examples

CLIP = list_examples()[0].path
MINI = "videomamba_mini.untrained"


def refusal(client: Client, **request) -> str:
    with pytest.raises(Exception) as caught:  # the error class is the client's own
        client.predict(**request)
    message = str(caught.value)
    assert "Traceback" not in message and message.count("\n") == 0
    return message


def test_predict_answers_with_what_was_asked_for(client):
    answer = client.predict(
        file=handle_file(CLIP),
        model=MINI,
        frames=4,
        resolution=96,
        scan_order="temporal_first",
        top=3,
        api_name="/predict",
    )
    assert (answer["num_frames"], answer["image_size"]) == (4, 96)
    assert (answer["scan_order"], answer["relation"]) == ("temporal_first", "untrained")
    assert answer["trained"] is False and answer["clip"] == CLIP.name
    shares = [entry["probability"] for entry in answer["predictions"]]
    assert len(shares) == 3 and shares == sorted(shares, reverse=True) and 0 < sum(shares) <= 1
    assert len(answer["frame_times_s"]) == 4 and answer["latency_ms"] > 0


def test_what_is_left_out_is_as_trained_and_a_second_call_is_recalled(client):
    request = {"file": handle_file(CLIP), "model": MINI, "api_name": "/predict"}
    first, second = client.predict(**request), client.predict(**request)
    assert (first["num_frames"], first["image_size"]) == (8, 64)
    assert second["recalled"] is True
    assert second["predictions"] == first["predictions"]


def test_models_lists_all_weights(client):
    rows = client.predict(api_name="/models")
    assert [row["name"] for row in rows] == [card.name for card in list_weights()]
    assert {"family", "trained", "scan_order", "parameters"} <= set(rows[0])


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        pytest.param({"model": "videomamba_mni.untrained"}, "videomamba_mini", id="weights"),
        pytest.param({"model": MINI, "scan_order": "zigzag"}, "spatial_first", id="scan-order"),
        pytest.param({"model": MINI, "resolution": 65}, "65", id="resolution"),
        pytest.param({"model": MINI, "frames": -4}, "-4", id="frames"),
    ],
)
def test_bad_requests_are_refused_in_one_sentence(client, request_, words):
    assert words in refusal(client, file=handle_file(CLIP), api_name="/predict", **request_)


def test_a_file_that_is_no_video_is_refused_in_one_sentence(client, tmp_path):
    text = tmp_path / "notes.mp4"
    text.write_text("not a video", encoding="utf-8")
    assert "notes.mp4" in refusal(client, file=handle_file(text), model=MINI, api_name="/predict")


def test_files_of_the_server_cannot_be_named(running_app, tmp_path):
    private = tmp_path / "private.mp4"
    shutil.copy(CLIP, private)
    file = {"path": str(private), "meta": {"_type": "gradio.FileData"}}
    address = f"{running_app}/gradio_api/call/predict"
    with httpx.Client(timeout=60) as http:
        event = http.post(address, json={"data": [file, MINI, 0, 0, "", 5]}).json()["event_id"]
        answer = http.get(f"{address}/{event}").text
    assert "event: error" in answer
    assert "probability" not in answer


def test_only_the_named_endpoints_are_public(client):
    named = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    read = {"/predict", "/models", "/compare_scans", "/results"}
    inside = {"/hidden_states", "/attribution", "/what_if", "/report"}
    inside |= {"/adapters", "/adaptor_memory"}
    masking = {"/mask", "/mask_effects", "/alignment"}
    cost = {"/cost", "/cost_plan", "/profile_run"}
    retrieval = {"/search", "/libraries", "/why", "/caption_scores", "/score_list"}
    assert set(named) == read | inside | masking | cost | retrieval
