"""`profile run` as its users call it."""

import argparse
import json

import pytest

from analysis.commands.profile_run import register_run

SMALL = ["--model", "videomamba_mini.untrained", "--frames", "4", "--image-size", "32"]


@pytest.fixture
def profile_run(capsys, clips_folder):
    parser = argparse.ArgumentParser()
    register_run(parser.add_subparsers(required=True))

    def call(*arguments, clip="mocap_walk.mp4"):
        options = parser.parse_args(["run", str(clips_folder / clip), *map(str, arguments)])
        return options.run(options), capsys.readouterr()

    return call


def test_two_profiles_with_their_traces_as_json(profile_run, tmp_path):
    code, printed = profile_run(
        *(*SMALL, "--against", "vit_tiny", "--steps", 1, "--out", tmp_path / "log", "--json")
    )
    assert code == 0
    answer = json.loads(printed.out)
    ours, peer = answer["profiles"]
    assert (ours["model"], ours["tokens"], ours["scan_order"]) == (
        "videomamba_mini.untrained",
        2 * 4 * 4 + 1,
        "spatial_first",
    )
    assert (peer["model"], peer["trained"], peer["scan_order"]) == ("vit_tiny", False, None)
    assert "scan" in {row["region"] for row in ours["regions"]}
    assert "attention" in {row["region"] for row in peer["regions"]}
    differences = {row["region"]: row for row in answer["differences"]}
    assert differences["attention"]["first_ms"] is None
    traces = sorted(path.parent.name for path in (tmp_path / "log").rglob("*.pt.trace.json"))
    assert traces == ["videomamba_mini-untrained-inference", "vit_tiny-inference"]
    assert all(profile["trace_file"].endswith(".pt.trace.json") for profile in answer["profiles"])


def test_for_people(profile_run):
    code, printed = profile_run(*SMALL, "--steps", 1, "--training")
    assert code == 0
    for words in ("training step", "backward", "scan_fwd", "optimizer", "accumulate_grad", "peak"):
        assert words in printed.out


def test_an_untrained_architecture_is_asked_how_to_attend(profile_run):
    sizes = ["--frames", 2, "--image-size", 32, "--steps", 1, "--json"]
    code, printed = profile_run("--model", "vit_tiny", "--attention-kernel", "softmax", *sizes)
    assert code == 0
    (profile,) = json.loads(printed.out)["profiles"]
    assert "aten::_softmax" in {row["operator"] for row in profile["operators"]}


def test_weights_of_the_hub_are_taken_from_a_file(profile_run, tmp_path):
    transformers = pytest.importorskip("transformers")
    sizes = {"image_size": 32, "num_frames": 2, "patch_size": 16, "num_labels": 400}
    shape = {"hidden_size": 192, "num_attention_heads": 3, "intermediate_size": 768}
    config = transformers.TimesformerConfig(**sizes, **shape)
    transformers.TimesformerForVideoClassification(config).save_pretrained(tmp_path)
    given = ["--frames", 2, "--image-size", 32, "--steps", 1, "--json"]
    named = ["--model", "timesformer_tiny_divided", "--weights-file"]
    code, printed = profile_run(*named, tmp_path / "model.safetensors", *given)
    assert code == 0, printed.out
    assert json.loads(printed.out)["profiles"][0]["trained"]
    code, printed = profile_run(*named, tmp_path / "nothing.safetensors", *given)
    assert code == 1
    assert "nothing.safetensors" in json.loads(printed.out)["error"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--model", "timesformer_tiny_jont"], "did you mean timesformer_tiny_joint"),
        ([*SMALL[:2], "--frames", 7], "tubelets of 2"),
        (["--model", "vit_tiny", "--scan-order", "alternating"], "vit_tiny has no scan_order"),
        (["--model", "vit_tiny", "--image-size", 30], "can't be cut into patches of 16"),
        ([*SMALL, "--steps", 0], "1 or more"),
    ],
    ids=["model", "frames", "order of a model that attends", "image size", "steps"],
)
def test_wrong_options_are_one_sentence(profile_run, arguments, sentence):
    code, printed = profile_run(*arguments, "--json")
    error = json.loads(printed.out)["error"]
    assert code == 1
    assert sentence in error and "\n" not in error


def test_a_missing_clip_is_one_sentence(profile_run):
    code, printed = profile_run(*SMALL, clip="no such file.mp4")
    assert code == 1
    assert "no such file.mp4" in printed.err
