"""`profile flops`: rows for programs, a table for people, one sentence for mistakes."""

import argparse
import json

import pytest

from analysis.commands.profile_flops import register_flops
from analysis.weights.published import published_cards

FIELDS = {
    "name",
    "frames",
    "image_size",
    "parts",
    "total_multiply_adds",
    "paper_convention_multiply_adds",
}


@pytest.fixture
def run(capsys):
    parser = argparse.ArgumentParser()
    register_flops(parser.add_subparsers(required=True))

    def call(*arguments):
        options = parser.parse_args(["flops", *map(str, arguments)])
        return options.run(options), capsys.readouterr()

    return call


def test_every_published_variant_has_a_row(run, monkeypatch):
    """The first of every size: `tests/analysis/profiling/test_flops.py` counts them all."""
    cards = {card.architecture: card for card in reversed(published_cards())}.values()
    monkeypatch.setattr("analysis.profiling.flop_rows.published_cards", lambda: tuple(cards))
    code, printed = run("--json")
    rows = json.loads(printed.out)
    assert code == 0
    assert {row["name"].partition(".")[0] for row in rows} == {
        *(f"videomamba_image_{size}" for size in ("tiny", "small", "middle", "base")),
        *(f"videomamba_{size}" for size in ("tiny", "small", "middle")),
    }
    for row in rows:
        assert row.keys() >= FIELDS
        assert sum(row["parts"].values()) == row["total_multiply_adds"]
        assert row["paper_convention_multiply_adds"] < row["total_multiply_adds"]


def test_one_model_at_any_size(run):
    code, printed = run("--model", "timesformer_tiny_joint", "--frames", 4, "--image-size", 32)
    lines = printed.out.splitlines()
    assert code == 0
    assert lines[0].split()[:3] == ["name", "frames", "image_size"]
    assert lines[1].split()[:3] == ["timesformer_tiny_joint", "4", "32"]
    assert len(lines) == 4


def test_the_misprint_is_said_under_the_table(run):
    code, printed = run("--model", "videomamba_small.k400_f64_res224to384")
    assert code == 0
    row = printed.out.splitlines()[1].split()
    assert row[-3:-1] == ["793.7", "395"]
    assert "taken for a misprint" in printed.out.splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--model", "videomamba_tny"], "videomamba_tny"),
        (["--model", "vivit_tiny_joint", "--frames", "5"], "tubelets of 2"),
        (["--model", "vit_tiny", "--scan-order", "alternating"], "vit_tiny has no scan_order"),
        (["--frames", "8"], "name it with --model"),
    ],
    ids=["name", "frames", "order", "no_model"],
)
def test_mistakes_are_one_sentence(run, arguments, sentence):
    code, printed = run(*arguments)
    assert code == 2
    assert printed.out == ""
    assert sentence in printed.err
    assert len(printed.err.splitlines()) == 1
