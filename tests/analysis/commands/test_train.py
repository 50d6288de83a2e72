"""The train command as it is typed."""

import argparse

import pytest

from analysis.commands import train


def parse(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m analysis")
    train.register(parser.add_subparsers(required=True))
    return parser.parse_args(["train", *words])


def test_the_command_names_what_decides_the_result():
    assert train.typed_command(parse("videomamba_mini.camera")) == (
        "python -m analysis train videomamba_mini.camera"
    )
    words = ("--photographs", "/home/me/my photographs", "--set", "seed=3", "--footage", "a/b.mp4")
    assert train.typed_command(parse("videomamba_mini.camera", *words)) == (
        "python -m analysis train videomamba_mini.camera --set seed=3 "
        "--photographs 'my photographs' --footage a/b.mp4"
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("videomamba_mini.camra",), "videomamba_mini.camera"),
        (("videomamba_mini.camera", "--set", "seeds=1"), "seed"),
        (("videomamba_mini.camera", "--set", "clips=many"), "int"),
    ],
    ids=["recipe", "field", "value"],
)
def test_what_no_recipe_knows_is_one_sentence_and_exit_code_one(words, said, capsys):
    options = parse(*words)
    assert options.run(options) == 1
    printed = capsys.readouterr().err
    assert said in printed and printed.count("\n") == 1


def test_a_folder_without_photographs_is_one_sentence_and_exit_code_one(tmp_path, capsys):
    options = parse("videomamba_mini.camera", "--photographs", str(tmp_path))
    assert options.run(options) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert "put JPEG, PNG or WebP photographs" in printed.err
