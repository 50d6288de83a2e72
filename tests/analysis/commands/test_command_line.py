"""The command line as its users call it: arguments in, JSON and an exit code out."""

import json
import subprocess
import sys

import pytest
from safetensors.torch import save_file

from analysis.__main__ import main
from analysis.models import create_model
from analysis.ops.scan_order import SCAN_ORDERS
from analysis.video.labels import label_names

MODEL = ["--model", "videomamba_mini.untrained"]


@pytest.fixture
def run(capsys):
    def call(*arguments):
        code = main([str(argument) for argument in arguments])
        return code, capsys.readouterr()

    return call


def test_predict_prints_a_list(run, clips_folder):
    clips = [clips_folder / "mocap_walk.mp4", clips_folder / "mocap_kick.mp4"]
    code, printed = run("predict", *clips, *MODEL, "--top", 3, "--json")
    rows = json.loads(printed.out)
    assert code == 0
    assert [row["clip"] for row in rows] == list(map(str, clips))
    for row in rows:
        assert row["model"] == "videomamba_mini.untrained"
        assert row["trained"] is False
        assert len(row["predictions"]) == 3
        assert set(row["predictions"][0]) == {"label", "probability"}


def test_predict_answers_good_clips_beside_a_bad_one(run, clips_folder, tmp_path):
    bad = tmp_path / "notes.mp4"
    bad.write_text("not a video")
    code, printed = run("predict", bad, clips_folder / "mocap_walk.mp4", *MODEL, "--json")
    rows = json.loads(printed.out)
    assert code == 1
    assert set(rows[0]) == {"clip", "error"}
    assert "notes.mp4" in rows[0]["error"]
    assert rows[1]["predictions"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--model", "videomamba_mini.camra"], "videomamba_mini"),
        ([*MODEL, "--scan-order", "zigzag"], "unknown scan order 'zigzag'"),
        ([*MODEL, "--image-size", "60"], "multiple of 8"),
        ([*MODEL, "--views", "four"], "write clips x crops"),
        ([*MODEL, "--top", "0"], "top must be 1 or more"),
    ],
    ids=["model", "scan order", "image size", "views", "top"],
)
def test_wrong_options_are_one_sentence(run, clips_folder, arguments, sentence):
    code, printed = run("predict", clips_folder / "mocap_walk.mp4", *arguments, "--json")
    (row,) = json.loads(printed.out)
    assert code == 1
    assert sentence in row["error"]
    assert "\n" not in row["error"]


def test_predict_for_people(run, clips_folder):
    code, printed = run("predict", clips_folder / "mocap_walk.mp4", *MODEL, "--views", "2x3")
    assert code == 0
    assert "untrained" in printed.out
    assert "probability" in printed.out


def test_predict_takes_a_clip_file_alone(run, clips_folder, tmp_path):
    """Of a CLIP in the published words, what it says are the actions it knows by name."""
    pytest.importorskip("instant_clip_tokenizer", reason="there for Python 3.11 and 3.12")
    sizes = {"vocabulary_size": 49_408, "context_length": 77, "text_heads": 1, "text_layers": 1}
    state, path = create_model("clip_mini", **sizes).state_dict(), tmp_path / "clip.safetensors"
    save_file({key: value.half() for key, value in state.items()}, path)
    chosen = ("--model", "moma_mini.untrained", "--weights-file", path, "--top", 3)
    code, printed = run("predict", clips_folder / "mocap_kick.mp4", *chosen, "--json")
    (row,) = json.loads(printed.out)
    assert (code, row["model"], row["image_size"]) == (0, "moma_mini.clip", 64)
    assert (row["training"], row["relation"], row["trained"]) == ("zero-shot", "untrained", True)
    assert {entry["label"] for entry in row["predictions"]} < set(label_names("k400"))


def test_compare_scans_has_a_row_per_order(run, clips_folder):
    clip = clips_folder / "mocap_walk.mp4"
    code, printed = run("compare-scans", clip, *MODEL, "--orders", "all", "--repeats", 1, "--json")
    rows = json.loads(printed.out)
    assert code == 0
    assert [row["scan_order"] for row in rows] == list(SCAN_ORDERS)
    assert {row["relation"] for row in rows} == {"untrained"}
    assert rows[0]["divergence_bits"] == pytest.approx(0, abs=1e-6)
    assert rows[1]["divergence_bits"] > 0


def test_compare_scans_refuses_unknown_orders(run, clips_folder):
    clip = clips_folder / "mocap_walk.mp4"
    code, printed = run("compare-scans", clip, *MODEL, "--orders", "diagonal", "--json")
    assert code == 1
    assert "unknown scan order 'diagonal'" in json.loads(printed.out)[0]["error"]


def test_models_lists_what_can_be_named(run):
    code, printed = run("models", "--json")
    rows = {row["name"]: row for row in json.loads(printed.out)}
    assert code == 0
    tiny = rows["videomamba_tiny.k400_f16_res224"]
    assert tiny["trained"] is True
    assert tiny["parameters"] == 7_035_280
    assert tiny["scan_order"] == "spatial_first"
    assert rows["videomamba_tiny.untrained"]["trained"] is False
    assert rows["videomamba_mini.camera"]["training"] == "toy"


def test_bench_scan_rows(run):
    code, printed = run(
        "bench", "scan", "--length", 65, "--inner", 16, "--state", 4, "--rounds", 1, "--json"
    )
    rows = json.loads(printed.out)
    assert code == 0
    found = {(row["implementation"], row["pass"]) for row in rows}
    for implementation in ("cpu", "mambapy", "sequential_pytorch"):
        assert {(implementation, "forward"), (implementation, "forward_backward")} <= found
    for row in rows:
        assert (row["length"], row["inner"], row["state"]) == (65, 16, 4)
        assert row["median_ms"] > 0
        assert row["largest_error"] < 1e-5


def test_bench_model_row(run):
    code, printed = run(
        "bench", "model", "--frames", 2, "--image-size", 32, "--rounds", 1, "--json"
    )
    (row,) = json.loads(printed.out)
    assert code == 0
    assert row["length"] == 1 + 2 * 2 * 2
    assert row["ratio"] == pytest.approx(
        row["forward_median_ms"] / row["matrix_products_median_ms"]
    )
    # in_proj and out_proj: 24 layers x 9 tokens x 192 x 384 x 3; the rest by hand below.
    projections = 24 * 9 * 192 * 384 * 3
    selection = 24 * 9 * 2 * (384 * 44 + 12 * 384)
    assert row["multiply_adds"] == projections + selection + 8 * 192 * 768 + 192 * 400


def test_bench_adapters_rows(run):
    options = ("--model", "moma_debug", "--frames", 2, 4, "--image-size", 32, "--rounds", 1)
    code, printed = run("bench", "adapters", *options, "--json")
    rows = json.loads(printed.out)
    assert code == 0
    assert {(row["stage"], row["num_frames"]) for row in rows} >= {("modulate", 2), ("full", 4)}
    code, printed = run("bench", "adapters", "--model", "vim_debug")
    assert (code, "is no MoMa" in printed.err) == (1, True)


def test_the_package_runs_as_a_program(clips_folder):
    command = [sys.executable, "-m", "analysis", "predict", "no such file.mp4", *MODEL, "--json"]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert finished.returncode == 1
    assert "no such file.mp4" in json.loads(finished.stdout)[0]["error"]
    assert "Traceback" not in finished.stderr
