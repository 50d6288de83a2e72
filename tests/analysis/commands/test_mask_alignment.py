"""`mask-alignment` as its users call it, with the shipped student."""

import json

import pytest

from analysis.__main__ import main
from analysis.masking.strategies import STRATEGIES

pytestmark = pytest.mark.usefixtures("one_thread")
STUDENT = "videomamba_student_mini.aligned"


@pytest.fixture
def call(capsys, clips_folder):
    def call(*arguments, clip="mocap_walk.mp4", student=STUDENT):
        path = str(clips_folder / clip)
        code = main(["mask-alignment", path, "--student", student, *arguments])
        return code, capsys.readouterr()

    return call


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_as_json(call, strategy):
    code, printed = call("--json", "--strategy", strategy, "--ratio", "0.75", "--seed", "3")
    assert code == 0, printed
    found = json.loads(printed.out)
    assert (found["student"], found["teacher"]) == (STUDENT, "clip_mini.pictures")
    assert "Toy-trained" in found["teacher_note"]
    assert (found["grid"], found["tubelet"], found["seed"]) == ([4, 8, 8], 2, 3)
    (layer,) = found["layers"]
    seen = [value for value in layer["tokens"] if value is not None]
    assert len(layer["tokens"]) == 256
    assert len(seen) == found["visible"] == 64
    assert found["real_ratio"] == 0.75
    assert layer["mean"] == pytest.approx((sum(seen) + layer["cls"]) / 65, abs=1e-6)
    assert found["loss"] == pytest.approx(2 - 2 * layer["mean"], abs=1e-5)
    assert layer["untrained"] < layer["chance"] < layer["mean"]


def test_seeds_decide(call):
    tokens = []
    for seed in ("0", "0", "1"):
        _, printed = call("--json", "--strategy", "random", "--seed", seed)
        tokens.append(json.loads(printed.out)["layers"][0]["tokens"])
    assert tokens[0] == tokens[1] != tokens[2]


def test_the_table_of_the_first_student_there_is(capsys, clips_folder):
    code = main(["mask-alignment", str(clips_folder / "mocap_walk.mp4")])
    printed = capsys.readouterr()
    assert code == 0
    for words in (STUDENT, "teacher clip_mini.pictures (toy)", "before training", "time step 3"):
        assert words in printed.out


@pytest.mark.parametrize(
    ("arguments", "changes", "message"),
    [
        ((), {"student": "videomamba_mini.camera"}, "is no student of masked pretraining"),
        ((), {"student": "nobody"}, "There are no weights called 'nobody'"),
        ((), {"clip": "absent.mp4"}, "absent.mp4"),
        (("--strategy", "rows"), {}, "There is no masking strategy 'rows'"),
        (("--ratio", "1"), {}, "mask ratio 1.0"),
    ],
    ids=["classifier", "unknown", "clip", "strategy", "ratio"],
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
