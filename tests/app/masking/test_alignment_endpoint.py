"""/alignment as a program sees it."""

from pathlib import Path

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

CLIPS = Path(__file__).parents[2] / "data" / "clips"


def ask(client: Client, **values) -> dict:
    values = {"student": "", "strategy": "random", "ratio": 0.5, "seed": 1} | values
    return client.predict(
        file=handle_file(CLIPS / "mocap_kick.mp4"), **values, api_name="/alignment"
    )


def test_the_shipped_student_beside_its_teacher(client):
    found = ask(client)
    assert found["student"] == "videomamba_student_mini.aligned"
    assert (found["teacher"], found["teacher_training"]) == ("clip_mini.pictures", "toy")
    (layer,) = found["layers"]
    seen = [value for value in layer["tokens"] if value is not None]
    assert (len(seen), len(layer["tokens"])) == (128, 256)
    assert layer["mean"] == pytest.approx((sum(seen) + layer["cls"]) / 129, abs=1e-6)
    assert found["loss"] == pytest.approx(2 - 2 * layer["mean"], abs=1e-5)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"student": "videomamba_mini.camera"}, "is no student of masked pretraining"),
        ({"strategy": "rows"}, "There is no masking strategy 'rows'"),
        ({"ratio": 1.5}, "The ratio 1.5 cannot be drawn"),
    ],
    ids=["student", "strategy", "ratio"],
)
def test_a_wrong_request_is_one_sentence(client, values, words):
    with pytest.raises(AppError) as error:
        ask(client, **values)
    assert words in str(error.value)
