"""The league table as it is asked for: over rendered clips, over files, stopped and gone on."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from analysis.__main__ import main
from analysis.commands import judged_clips
from analysis.models import create_model
from analysis.weights import plan_model
from analysis.weights.shipped import ship_checkpoint

SMALL = ["--methods", "saliency", "--steps", "4", "--subsets", "4", "--removals", "6"]
SMALL += ["--noise", "0", "--no-randomisation"]
TINY, TINY_MOMA = "videomamba_debug.moves", "moma_debug.moves"
"""Models of one's own, which name camera moves without having learned any."""


@pytest.fixture(scope="module", autouse=True)
def own_weights(tmp_path_factory, one_thread):
    """The weights of `TINY` and `TINY_MOMA` in the folder where own ones are looked for."""
    folder = tmp_path_factory.mktemp("weights")
    _ship(TINY, {"num_classes": 9}, folder)
    _ship(TINY_MOMA, {"num_classes": 9, "head": "linear"}, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SCANSCOPE_CHECKPOINTS", str(folder))
        yield


def _ship(name, overrides, folder):
    architecture, _, tag = name.partition(".")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = create_model(architecture, **overrides)
        for parameter in model.parameters():
            parameter.data += 0.2 * torch.randn_like(parameter)
    config = model.config
    entry = {
        "architecture": architecture,
        "tag": tag,
        "training": "toy",
        "data": "nothing",
        "labels": "camera_moves",
        "overrides": overrides,
        "num_frames": config.num_frames,
        "image_size": config.image_size,
        "scan_order": config.scan_order,
        "readout": config.readout,
        "licence": "MIT",
        "reported_accuracy": None,
        "accuracy_note": "",
        "run": {"command": "none", "seed": 0},
    }
    ship_checkpoint(model.state_dict(), entry, folder)


@pytest.fixture
def run(capsys):
    def call(*arguments):
        code = main(["faithfulness", *map(str, arguments)])
        return code, capsys.readouterr()

    return call


def test_a_table_over_rendered_clips_that_goes_on(run, photographs, tmp_path, monkeypatch):
    monkeypatch.setattr(judged_clips, "_RENDERED_AT_ONCE", 3)
    kept = tmp_path / "tables" / "league.json"
    choice = [*SMALL, "--model", TINY, "--photographs", photographs, "--json", "--out", kept]
    code, printed = run(*choice, "--clips", 1)
    first = json.loads(printed.out)
    assert code == 0 and first == json.loads(kept.read_text())
    code, printed = run(*choice, "--clips", 2, "--no-times")
    table = json.loads(printed.out)
    assert code == 0
    assert "clip 2 of 2" in printed.err and "clip 1 of 2" not in printed.err
    assert table["clips"][0] == first["clips"][0]
    assert table["model"] == TINY
    assert table["clips_from"] == "camera moves over photographs never trained on"
    assert table["settings"]["seed"] == 0 and table["settings"]["steps"] == 4
    assert [row["method"] for row in table["league"]] == ["saliency", "random"]
    for row in table["league"]:
        interval = row["deletion_auc"]
        own = [
            scores["deletion_auc"]
            for clip in table["clips"]
            for scores in clip["methods"]
            if scores["method"] == row["method"]
        ]
        assert interval["clips"] == 2 and interval["mean"] == pytest.approx(np.mean(own))
        assert 0 <= row["pointing"]["mean"] <= 1
        assert row["max_sensitivity"] is None and row["randomised_all"] is None
    saliency, at_random = table["league"]
    assert saliency["latency_ms"]["clips"] == 1 and at_random["latency_ms"] is None
    assert table["agreement"]["methods"] == ["saliency", "random"]
    assert table["agreement"]["spearman"][0][0] == pytest.approx(1.0)
    code, printed = run(*choice, "--clips", 2, "--seed", 1)
    assert code == 1 and "choose another --out" in json.loads(printed.out)["error"]


def test_clips_are_as_hard_as_those_that_were_trained_on(photographs, monkeypatch):
    """Without nuisances a camera that stands still shows the same frame throughout."""
    shown, options = {}, SimpleNamespace(files=[], clips=1, photographs=photographs, root=None)
    options.footage = []
    monkeypatch.setattr(judged_clips, "_RENDERED_AT_ONCE", 12)
    for name in ("videomamba_mini.camera", "moma_mini.camera"):
        loaded = SimpleNamespace(**vars(plan_model(name)))
        clips = judged_clips.clips_to_judge(options, loaded)
        still = [clip for move, clip in clips if move == "static"]
        shown[name] = max(float((clip - clip[:, :1]).abs().max()) for clip in still)
        words = judged_clips.clips_described(options, loaded)
        assert ("of difficulty 0" in words) == (name == "moma_mini.camera")
    assert shown["moma_mini.camera"] < 1e-6 < 0.1 < shown["videomamba_mini.camera"]


def test_the_same_seed_gives_the_same_table_over_files(run, clips_folder):
    choice = [*SMALL, clips_folder / "mocap_walk.mp4", "--model", TINY, "--score", "logit"]

    def table():
        code, printed = run(*choice, "--json")
        assert code == 0
        found = json.loads(printed.out)
        for rows in (found["league"], *(clip["methods"] for clip in found["clips"])):
            for row in rows:
                row.pop("latency_ms")
        return found

    first = table()
    assert first == table()
    assert first["clips_from"] == ["mocap_walk.mp4"]
    assert first["training"] == "toy"


def test_a_table_for_people(run, clips_folder):
    """The model is the shipped one that is judged where none is named."""
    code, printed = run(*SMALL, clips_folder / "mocap_walk.mp4")
    lines = printed.out.splitlines()
    assert code == 0
    assert lines[0].startswith("videomamba_mini.camera (toy")
    assert "1 clips" in lines[0] and "seed 0" in lines[0]
    assert lines[1].split()[:3] == ["method", "deletion", "insertion"]
    assert {lines[2].split()[0], lines[3].split()[0]} == {"saliency", "random"}
    assert lines[3].startswith("random")
    assert "deletion lower" in lines[-1]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--methods", "salience"], "saliency"),
        (["--clips", "0"], "At least one clip"),
        (["--model", "videomamba_mini.untrained"], "name video files"),
        (["nothing.mp4"], "nothing.mp4"),
        (["--model", "videomamba_mini.camra"], "videomamba_mini.camera"),
        (["--photographs", "empty"], "put JPEG, PNG or WebP photographs"),
    ],
    ids=["method", "clips", "labels", "file", "model", "photographs"],
)
def test_what_cannot_be_judged_is_one_sentence(run, arguments, sentence, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    code, printed = run(*SMALL, *arguments)
    assert code == 1 and printed.out == ""
    assert sentence in printed.err and printed.err.count("\n") == 1


def test_wrong_choices_of_the_tests_are_one_sentence(run, clips_folder):
    clip = clips_folder / "mocap_walk.mp4"
    for choice, sentence in (
        (["--deletion-baseline", "noise"], "no baseline 'noise'"),
        (["--score", "loss"], "no score 'loss'"),
        (["--subsets", "1"], "two sets or more"),
    ):
        code, printed = run(*SMALL, clip, "--model", TINY, *choice)
        assert code == 1 and sentence in printed.err


def test_a_file_that_is_no_table_is_not_overwritten(run, clips_folder, tmp_path):
    other = tmp_path / "notes.json"
    other.write_text('{"notes": 1}')
    code, printed = run(*SMALL, clips_folder / "mocap_walk.mp4", "--out", other)
    assert code == 1 and "holds no table" in printed.err
    assert other.read_text() == '{"notes": 1}'


def test_a_model_is_judged_by_methods_that_can_explain_it(run, clips_folder):
    clip, moma = clips_folder / "mocap_walk.mp4", ["--model", TINY_MOMA]
    code, printed = run(*SMALL, clip, *moma, "--methods", "grad_cam", "--json")
    table = json.loads(printed.out)
    assert code == 0 and table["scan_order"] == "spatiotemporal_v2"
    assert {row["method"]: row["errors"] for row in table["league"]} == {"grad_cam": 0, "random": 0}
    code, printed = run(*SMALL, clip, *moma, "--methods", "all", "--score", "loss")
    assert code == 1 and "Left out: hidden_attention, " in printed.err
    assert "not MoMa" in printed.err
