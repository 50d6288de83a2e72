"""`explain` as its users call it: maps with their proof, errors as one sentence."""

import json

import numpy as np
import pytest

from analysis.__main__ import main

pytestmark = pytest.mark.usefixtures("one_thread")
MODEL = ["--model", "videomamba_mini.camera"]


@pytest.fixture
def explain(capsys, clips_folder):
    def call(*arguments):
        code = main(["explain", str(clips_folder / "mocap_walk.mp4"), *MODEL, *arguments])
        return code, capsys.readouterr()

    return call


@pytest.fixture
def row(explain):
    """The printed JSON of a call that succeeds."""

    def call(*arguments):
        code, printed = explain(*arguments, "--json")
        assert code == 0, printed
        return json.loads(printed.out)

    return call


@pytest.mark.parametrize("token", ["1,3,4", "cls", "readout"])
def test_an_exact_map_with_its_proof(row, token):
    found = row("--layer", "2", "--token", token, "--method", "exact")
    assert np.shape(found["map"]) == (4, 8, 8)
    assert found["completeness_error"] < 1e-4
    assert isinstance(found["bias_share"], float)
    assert found["settings"]["layer"] == 2
    assert found["settings"]["subject"] == token
    assert found["dtype"] == "float32"
    np.testing.assert_allclose(
        found["by_frame"], [*np.sum(found["map"], (1, 2)), found["cls"]], rtol=1e-4
    )


def test_shares_of_a_token_and_the_bias_sum_to_one(row):
    found = row("--token", "1,3,4", "--score", "signed_share")
    total = np.sum(found["map"]) + found["cls"] + found["bias_share"]
    assert total == pytest.approx(1, abs=1e-4)


def test_the_first_patch_feeds_itself_and_what_comes_after_it(row):
    forward = row("--token", "2,0,0", "--side", "receivers", "--direction", "forward")
    backward = row("--token", "2,0,0", "--side", "receivers", "--direction", "backward")
    assert np.sum(np.abs(forward["map"][:2])) == 0 < np.min(forward["map"][2:])
    assert np.sum(np.abs(backward["map"][3:])) == 0 < backward["cls"]


def test_the_scans_of_moma_have_no_cls(row, explain):
    moma = ("--model", "moma_mini.untrained")
    found = row(*moma, "--token", "7,0,0", "--level", "value", "--direction", "forward")
    assert found["cls"] is None and found["settings"]["subject"] == "7,0,0"
    assert found["completeness_error"] < 1e-4
    np.testing.assert_allclose(found["by_frame"], np.sum(found["map"], (1, 2)), rtol=1e-4)
    code, printed = explain(*moma, "--matrix", "8")
    rows = [line.split()[0] for line in printed.out.splitlines()[5:13]]
    assert code == 0 and rows == list("01234567")
    code, printed = explain(*moma, "--token", "cls")
    assert code == 1 and "this model scans no CLS token" in printed.err


def test_a_published_method_under_the_same_call(row):
    found = row(
        "--method", "grad_cam", "--layer", "1", "--target", "tilt up", "--set", "relu=false"
    )
    assert np.shape(found["map"]) == (4, 8, 8)
    assert (found["target"], found["label"]) == (3, "tilt up")
    assert (found["settings"]["layer"], found["settings"]["relu"]) == (1, False)
    assert found["completeness_error"] is None
    assert found["omits"]


def test_every_frame_against_every_other(row):
    """Parts of the logit of the last layer's frames, the bias and what no block is given."""
    found = row("--matrix", "4", "--score", "logit_share", "--target", "tilt up")
    assert np.shape(found["matrix"]) == (5, 5)
    assert (found["blocks_per_frame"], found["tokens_per_block"]) == (1, 64)
    assert (found["label"], found["settings"]["score"]) == ("tilt up", "logit_share")
    assert found["completeness_error"] < 1e-4
    one = row("--token", "readout", "--score", "logit_share", "--target", "tilt up")
    # What all receivers take from a source is what the read-out takes from it.
    np.testing.assert_allclose(
        np.sum(found["matrix"], 0), [one["by_frame"][-1], *one["by_frame"][:-1]], rtol=1e-3
    )


def test_a_matrix_in_words(explain):
    code, printed = explain("--matrix", "8", "--layer", "0")
    names = ["CLS", *(f"{frame}.{part}" for frame in range(4) for part in range(2))]
    header, *rows = printed.out.splitlines()[-11:-1]
    assert code == 0
    assert header.split()[2:] == ["from", *names]
    assert [line.split()[0] for line in rows] == names


def test_in_words(explain):
    code, printed = explain()
    lines = printed.out.splitlines()
    assert code == 0
    assert lines[0].endswith("videomamba_mini.camera (toy) · exact")
    assert sum(line.split()[0] in {"0", "1", "2", "3", "CLS"} for line in lines) == 5
    assert lines[-1].startswith("completeness error")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--token", "9,0,0"], "frame 9 is not on the token grid of 4 x 8 x 8"),
        (["--token", "head"], "got 'head'"),
        (["--layer", "6"], "layers 0 to 5, not 6"),
        (["--score", "l3"], "no score 'l3'"),
        (["--side", "left"], "no side 'left'"),
        (["--target", "3"], "--score logit_share"),
        (["--score", "logit_share", "--target", "walking"], "no class 'walking'"),
        (["--set", "n_steps=3"], "leave --set out"),
        (["--matrix", "4", "--token", "cls"], "leave --token out"),
        (["--matrix", "4", "--score", "alti"], "no score 'alti'"),
        (["--matrix", "0"], "at least one block"),
        (["--matrix", "4", "--method", "saliency"], "leave --matrix out"),
        (["--method", "gradcam"], "did you mean grad_cam"),
        (["--method", "saliency", "--layer", "2"], "Saliency has no --layer"),
        (["--method", "saliency", "--set", "steps"], "NAME=VALUE"),
        (["--method", "saliency", "--set", "steps=2"], "no setting 'steps'"),
        (["--model", "videomamba_mini.camra"], "videomamba_mini"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_explained_is_one_sentence(explain, arguments, sentence):
    code, printed = explain(*arguments, "--json")
    assert code == 1
    assert sentence in json.loads(printed.out)["error"]
    code, printed = explain(*arguments)
    assert sentence in printed.err
    assert "Traceback" not in printed.err


def test_a_sum_without_biases_is_printed_too(explain):
    code, printed = explain("--method", "integrated_gradients", "--set", "n_steps=4")
    assert code == 0
    assert printed.out.splitlines()[-1].startswith("completeness error ")
    assert "bias share" not in printed.out


def test_a_model_without_a_scan_order_is_explained(row):
    found = row("--model", "vmamba_b1.untrained", "--image-size", "32", "--method", "grad_cam")
    assert np.shape(found["map"]) == (1, 8, 8) and found["scan_order"] == "fixed"
