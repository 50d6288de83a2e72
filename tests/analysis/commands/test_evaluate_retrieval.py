"""`evaluate-retrieval` as its users call it, with a model that was never trained."""

import json

import pytest

from analysis.__main__ import main
from analysis.text.word_pieces import VOCABULARY_VARIABLE
from analysis.weights.hub import FOLDER_VARIABLE

pytestmark = pytest.mark.usefixtures("one_thread")
NAME = "videomamba_retrieval_debug.trial"
ENTRIES = [
    {"video": "mocap_walk.mp4", "caption": "A man walks."},
    {"video": "mocap_kick.mp4", "caption": "A man kicks!"},
    {"video": "hand_cup.mp4", "caption": "a cup"},
]


@pytest.fixture(scope="module")
def folder(video_text_folder):
    folder = video_text_folder
    (folder / "mine.json").write_text(json.dumps(ENTRIES))
    (folder / "didemo_ret_test.json").write_text(
        json.dumps([{**entry, "caption": [entry["caption"]] * 9} for entry in ENTRIES])
    )
    (folder / "holes.json").write_text(json.dumps([*ENTRIES, {"video": "absent.mp4"}]))
    return folder


@pytest.fixture
def call(capsys, clips_folder, monkeypatch, folder):
    monkeypatch.setenv(FOLDER_VARIABLE, str(folder))
    monkeypatch.setenv(VOCABULARY_VARIABLE, str(folder / "vocab.txt"))

    def call(*arguments, listed="mine.json", weights=NAME):
        fixed = ("--videos", str(clips_folder), "--weights", weights)
        code = main(["evaluate-retrieval", str(folder / listed), *fixed, *arguments])
        return code, capsys.readouterr()

    return call


def test_everything_as_json(call):
    code, printed = call("--json", "--top", "2")
    assert code == 0, printed
    found = json.loads(printed.out)
    assert (found["weights"], found["training"], found["list"]) == (NAME, "toy", "mine.json")
    assert (found["videos"], found["texts"], found["top"]) == (3, 3, 2)
    assert (found["data_set"], found["texts_cut"]) == ("MSR-VTT", 0)
    assert found["reported_text_to_video_percent"] is None
    for way in ("re_ranked", "embedding"):
        for direction in ("text_to_video", "video_to_text"):
            one = found[way][direction]
            assert one["recall_percent"]["5"] == 100
            right = one["recall_percent"]["1"] * 3 / 100
            assert right == pytest.approx(round(right))
            assert one["chance_percent"]["1"] == pytest.approx(100 / 3)
            assert 1 <= one["median_rank"] <= 3


def test_bfloat16_as_the_authors_evaluate(call):
    code, printed = call("--json", "--bfloat16")
    assert code == 0, printed
    found = json.loads(printed.out)
    assert found["precision"] == "bfloat16"
    assert found["embedding"]["text_to_video"]["recall_percent"]["5"] == 100


def test_the_table(call):
    code, printed = call()
    assert code == 0
    for words in (f"{NAME} (toy)", "3 texts and 3 videos of mine.json", "R@10 %", "chance"):
        assert words in printed.out
    assert "re-ranked" in printed.out
    assert "embedding" in printed.out


def test_texts_that_are_cut_are_said(call):
    code, printed = call(listed="didemo_ret_test.json")
    assert code == 0
    assert "read as DiDeMo" in printed.out
    assert "Texts cut to 16 tokens: 3." in printed.out


def test_what_is_left_out_is_said(call):
    code, printed = call(listed="holes.json")
    assert code == 1
    assert "Entry 4 has no caption" in printed.err
    assert "Left out, see above: 1." in printed.out


def test_a_file_and_a_size_of_ones_own(call, folder):
    code, printed = call(
        "--json", "--weights-file", str(folder / f"{NAME}.safetensors"), "--frames", "6"
    )
    assert code == 0, printed
    assert json.loads(printed.out)["num_frames"] == 6


@pytest.mark.parametrize(
    ("arguments", "changes", "message"),
    [
        ((), {"listed": "absent.json"}, "The list absent.json cannot be read"),
        ((), {"weights": "videomamba_mini.camera"}, "is no video-text model"),
        (("--data-set", "flickr"), {}, "unknown data set 'flickr'; choose one of msrvtt"),
        (("--vocabulary", "absent.txt"), {}, "The vocabulary absent.txt cannot be read"),
        (("--weights-file", "absent.pth"), {}, "absent.pth"),
        (("--top", "0"), {}, "the 0 nearest were asked for"),
        (("--scan-order", "zigzag"), {}, "unknown scan order"),
    ],
    ids=["list", "weights", "data_set", "vocabulary", "file", "top", "order"],
)
def test_what_cannot_be_is_one_sentence(call, arguments, changes, message):
    code, printed = call(*arguments, **changes)
    assert code == 1
    assert message in printed.err
    assert printed.err.count("\n") == 1
    assert printed.out == ""
    code, printed = call(*arguments, "--json", **changes)
    assert code == 1
    assert message in json.loads(printed.out)["error"]
