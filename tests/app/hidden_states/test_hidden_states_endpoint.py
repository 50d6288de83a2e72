"""/hidden_states as a program sees it: one map with its errors, one sentence when it cannot be."""

import numpy as np
import pytest
from gradio_client import handle_file
from gradio_client.exceptions import AppError

MODEL, MOMA = "videomamba_mini.untrained", "moma_mini.untrained"


@pytest.fixture
def ask(client, mini):
    def hidden_states(**settings) -> dict:
        request = {"model": MODEL, **settings}
        return client.predict(file=handle_file(mini.clip), **request, api_name="/hidden_states")

    return hidden_states


def test_the_map_of_a_patch_comes_with_its_errors(ask):
    answer = ask(token="1,3,1", layer=2)
    assert np.array(answer["values"]).shape == (4, 8, 8)
    assert (answer["subject"], answer["layer"], answer["score"]) == ("1,3,1", 2, "l2_norm")
    assert 0 <= answer["completeness_error"] < 1e-4
    assert answer["dtype"] == "float32" and answer["scan_order"] == "spatial_first"


def test_signed_shares_sum_to_one_with_the_bias(ask):
    answer = ask(score="signed_share")
    total = np.sum(answer["values"]) + answer["cls_value"] + answer["bias_share"]
    assert total == pytest.approx(1, abs=1e-4)
    assert answer["layer"] == answer["layers"] == 6


def test_a_map_of_moma_has_no_cls(ask):
    answer = ask(model=MOMA, token="3,1,2", level="value", layer=2)
    assert np.array(answer["values"]).shape == (8, 8, 8)
    assert answer["cls_value"] is None and answer["layers"] == 4
    assert 0 <= answer["completeness_error"] < 1e-4
    assert np.argmax(answer["values"]) == (3 * 8 + 1) * 8 + 2


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"token": "9,0,0"}, "Frame 9 is not on the token grid"),
        ({"layer": 7}, "layers 1 to 6, not 7"),
        ({"score": "size"}, "There is no score 'size'"),
        ({"side": "receivers", "score": "alti", "token": "cls"}, "one receiver"),
        ({"side": "receivers"}, "feeds no token"),
        ({"model": MOMA, "token": "cls"}, "This model scans no CLS token"),
        ({"model": MOMA, "score": "logit_share"}, "has no share in a logit"),
    ],
    ids=["token", "layer", "score", "alti of receivers", "mean as a source", "no cls", "no logit"],
)
def test_a_wrong_request_is_one_sentence(ask, settings, message):
    with pytest.raises(AppError) as error:
        ask(**settings)
    assert message in str(error.value) and "Traceback" not in str(error.value)
