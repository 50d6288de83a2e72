"""`evaluate` as its users call it."""

import json

import pytest

from analysis.__main__ import main

WEIGHTS = "videomamba_mini.camera"


@pytest.fixture
def run(capsys):
    def call(*arguments):
        code = main([str(argument) for argument in arguments])
        return code, capsys.readouterr()

    return call


@pytest.fixture
def videos(tmp_path):
    path = tmp_path / "list.txt"
    path.write_text("mocap_walk.mp4 0\nmocap_kick.mp4 8\n")
    return path


def test_json(run, videos, clips_folder):
    code, printed = run("evaluate", WEIGHTS, "--list", videos, "--root", clips_folder, "--json")
    shown = json.loads(printed.out)
    assert code == 0
    assert (shown["model"], shown["videos"], shown["problems"]) == (WEIGHTS, 2, [])
    assert len(shown["confusion"]) == 9
    assert shown["classes"][0]["label"] == "static"
    assert shown["views"].endswith(" x 3")


def test_for_people_bad_lines_come_on_the_error_stream(run, videos, clips_folder, tmp_path):
    (tmp_path / "broken.mp4").write_text("not a video")
    with videos.open("a") as file:
        file.write(f"{tmp_path / 'broken.mp4'} 1\nmocap_walk.mp4 9\n")
    views = ("--clips", 2, "--crops", 1)
    code, printed = run("evaluate", WEIGHTS, "--list", videos, "--root", clips_folder, *views)
    assert code == 1
    assert f"{WEIGHTS} (toy) · 2 of list.txt · 2 x 1 views" in printed.out
    assert "Line 4 has the label 9, which is none of the 9 from 0 to 8." in printed.err
    assert 'Line 3: "broken.mp4" does not hold a video' in printed.err


def test_answers_are_kept(run, videos, clips_folder, tmp_path):
    command = ("evaluate", WEIGHTS, "--list", videos, "--root", clips_folder, "--crops", 1)
    rows = tmp_path / "answers.jsonl"
    _, first = run(*command, "--json", "--answers", rows)
    kept = rows.read_text()
    assert len(kept.splitlines()) == 3
    _, second = run(*command, "--json", "--answers", rows)
    assert second.out == first.out
    assert rows.read_text() == kept
    code, printed = run(*command, "--clips", 3, "--json", "--answers", rows)
    assert code == 1
    assert "answers of another evaluation" in json.loads(printed.out)["error"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["nothing.such"], "There are no weights called 'nothing.such'"),
        ([WEIGHTS, "--format", "k600"], "list.format is k600; it has to be k400 or ssv2"),
        ([WEIGHTS, "--clips", "0"], "use 1 clip or more"),
        ([WEIGHTS, "--list", "missing.txt"], "The list missing.txt cannot be read"),
    ],
    ids=["weights", "format", "clips", "list"],
)
def test_wrong_options_are_one_sentence(run, videos, clips_folder, options, sentence):
    weights, *others = options
    code, printed = run(
        "evaluate", weights, "--list", videos, "--root", clips_folder, *others, "--json"
    )
    assert code == 1
    assert sentence in json.loads(printed.out)["error"]
