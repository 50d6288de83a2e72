"""/attribution as a program sees it."""

from pathlib import Path

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

CLIP = Path(__file__).parents[2] / "data" / "clips" / "mocap_kick.mp4"
MODEL = "videomamba_mini.untrained"


def explain(client: Client, file: Path = CLIP, **settings) -> dict:
    request = {"model": MODEL, "method": "exact_last_layer"} | settings
    return client.predict(file=handle_file(file), **request, api_name="/attribution")


def test_a_map_with_its_proof_settings_and_seed(client):
    one = explain(client)
    t, h, w = one["grid"]
    assert (t, h, w) == (4, 8, 8) and len(one["values"]) == t * h * w
    assert 0 <= one["completeness_error"] < 1e-4
    bias = one["bias_share"] * one["settings"]["logit"]
    total = sum(one["values"]) + one["cls_value"] + bias
    assert total == pytest.approx(one["settings"]["logit"], rel=1e-4, abs=1e-5)
    assert one["omits"] and one["seed"] == 0 and one["trained"] is False


def test_a_method_without_a_sum_says_so_and_another_class_is_another_map(client):
    one = explain(client, method="saliency", class_name="2", frames=4)
    other = explain(client, method="saliency", class_name="class 3", frames=4)
    assert one["completeness_error"] is None and one["signed"] is False
    assert (one["target"], other["target"]) == (2, 3) and one["values"] != other["values"]


def test_moma_is_explained_on_its_own_tokens(client):
    one = explain(client, model="moma_mini.untrained", method="grad_cam", frames=4)
    assert one["grid"] == [4, 8, 8] and max(one["values"]) > 0
    assert one["settings"]["layer"] == 3 and one["trained"] is False


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model": "moma_mini.untrained", "method": "latim"}, "not MoMa"),
        ({"method": "saliensy"}, "did you mean saliency"),
        ({"class_name": "class 99"}, "There is no class 'class 99'"),
        ({"model": "videomamba_minni.untrained"}, "did you mean videomamba_mini.untrained"),
    ],
    ids=["family", "method", "class", "model"],
)
def test_a_wrong_request_is_one_sentence(client, settings, message):
    with pytest.raises(AppError) as error:
        explain(client, **settings)
    assert message in str(error.value) and "Traceback" not in str(error.value)
