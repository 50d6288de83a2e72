"""`mask` as its users call it: figures of every strategy, masks in a file, errors in a sentence."""

import json

import numpy as np
import pytest
import torch

from analysis.__main__ import main
from analysis.masking.coverage import temporal_leakage
from analysis.masking.strategies import STRATEGIES
from analysis.ops.scan_order import SCAN_ORDERS
from analysis.prediction import predict_clip, read_clip
from analysis.weights import load_model

pytestmark = pytest.mark.usefixtures("one_thread")
MODEL = "videomamba_mini.camera"


@pytest.fixture
def mask(capsys, clips_folder):
    def call(*arguments):
        code = main(["mask", str(clips_folder / "mocap_walk.mp4"), "--model", MODEL, *arguments])
        return code, capsys.readouterr()

    return call


@pytest.fixture
def report(mask):
    """The printed JSON of a call that succeeds."""

    def call(*arguments):
        code, printed = mask(*arguments, "--json")
        assert code == 0, printed
        return json.loads(printed.out)

    return call


def test_every_strategy_with_figures_in_every_scan_order(report, clips_folder):
    found = report("--strategy", "all", "--ratio", "0.8", "--draws", "4")
    loaded = load_model(MODEL)
    answer = predict_clip(loaded, read_clip(clips_folder / "mocap_walk.mp4", loaded)).predictions[0]
    assert found["answer"]["label"] == answer.label
    assert found["answer"]["probability"] == pytest.approx(answer.probability, abs=1e-5)
    assert (found["grid"], found["training"], found["draws"]) == ([4, 8, 8], "toy", 4)
    assert found["teacher"]["training"] == "toy"
    assert [row["strategy"] for row in found["strategies"]] == list(STRATEGIES)
    visible = {row["strategy"]: row["visible"] for row in found["strategies"]}
    # 256 - int(.8 * 256); 4 * (64 - int(.8 * 64)); 4 * (8 - int(.8 * 8)) * 8.
    assert visible == {
        "random": 52,
        "tube": 52,
        "clip_row": 64,
        "frame_row": 64,
        "attention": 52,
        "block": 52,
        "motion": 52,
    }
    for row in found["strategies"]:
        assert row["real_ratio"] == 1 - row["visible"] / 256
        assert list(row["scans"]) == list(SCAN_ORDERS)
        assert row["published"] is (row["strategy"] not in ("block", "motion"))
        for interval in row["effect"].values():
            assert interval["low"] <= interval["mean"] <= interval["high"]


def test_rows_run_long_in_space_and_tubes_in_time(report):
    found = report("--strategy", "frame_row, tube", "--draws", "3")
    (rows_space, rows_time), (tubes_space, tubes_time) = (
        [
            row["scans"][f"{order}_first"]["figures"]["mean_run"]["mean"]
            for order in ("spatial", "temporal")
        ]
        for row in found["strategies"]
    )
    assert rows_space > 8 > tubes_time > 4 > rows_time
    assert tubes_space < 2
    assert found["teacher"] is None


def test_nothing_hidden_leaves_the_answer_as_it_was(report):
    found = report("--strategy", "random", "--ratio", "0", "--draws", "2")
    effect = found["strategies"][0]["effect"]
    assert effect["same_answer"]["mean"] == 1
    assert effect["probability"]["mean"] == pytest.approx(found["answer"]["probability"], abs=1e-5)
    assert effect["token_similarity"]["mean"] == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("ending", ["npz", "json"])
def test_kept_masks_are_those_that_were_measured(report, tmp_path, ending):
    file = tmp_path / "masks" / f"drawn.{ending}"
    found = report(
        "--strategy", "clip_row,block", "--draws", "3", "--seed", "7", "--out", str(file)
    )
    kept = np.load(file) if ending == "npz" else json.loads(file.read_text())
    assert list(kept) == ["clip_row", "block"]
    for row in found["strategies"]:
        masks = torch.from_numpy(np.asarray(kept[row["strategy"]], bool))
        assert masks.shape == (3, 4, 8, 8)
        assert (~masks).flatten(1).sum(1).tolist() == [row["visible"]] * 3
        leakage = sum(map(temporal_leakage, masks)) / 3
        assert row["figures"]["leakage"]["mean"] == pytest.approx(leakage)


def test_the_seed_decides_and_strategies_do_not_touch_each_other(report):
    alone = report("--strategy", "block", "--draws", "2", "--seed", "3")["strategies"][0]
    beside = report("--strategy", "random,block", "--draws", "2", "--seed", "3")["strategies"][1]
    other = report("--strategy", "block", "--draws", "2", "--seed", "4")["strategies"][0]
    assert alone["by_site"] == beside["by_site"] != other["by_site"]


def test_what_is_left_of_an_attribution(report):
    found = report("--strategy", "tube", "--draws", "2", "--attribution", "grad_cam")
    figures = found["strategies"][0]["figures"]
    assert found["attribution"] == {"method": "grad_cam", "label": found["answer"]["label"]}
    assert 0 < figures["absolute_mass"]["mean"] < 1


def test_in_words(mask):
    code, printed = mask("--draws", "2", "--scan-order", "temporal_first")
    lines = printed.out.splitlines()
    assert code == 0
    assert "toy, reordered" in lines[0]
    assert "clip_mini.pictures" in lines[1]
    assert sum(line.startswith("attention ") for line in lines) == 3
    assert "What is left, scanned temporal_first" in lines
    assert lines[-1].startswith("alternating")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--strategy", "tubes"], "did you mean tube"),
        (["--ratio", "1"], "mask ratio 1.0; choose one from 0"),
        (["--draws", "0"], "at least one"),
        (["--out", "masks.txt"], "kept as .npz or .json, not as 'masks.txt'"),
        (["--attribution", "gradcam"], "did you mean grad_cam"),
        (["--scan-order", "zigzag"], "unknown scan order 'zigzag'"),
        (["--teacher", "no such file.pt"], "no such file.pt"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_masked_is_one_sentence(mask, arguments, sentence):
    code, printed = mask(*arguments, "--json")
    assert code == 1
    assert sentence in json.loads(printed.out)["error"]
    code, printed = mask(*arguments)
    assert sentence in printed.err
    assert "Traceback" not in printed.err
