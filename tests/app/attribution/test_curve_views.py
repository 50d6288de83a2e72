"""Curves and the league table: what stands in figures, tables and sentences."""

import json

import pytest

from app.components.curve_table import curve_table
from app.components.league_table import league_sentence, league_table
from app.figures.faithfulness_curves import curve_figure, curves_sentence
from app.league import league_command, read_league


def test_each_ranking_stands_with_its_reverse_and_chance(make_curves):
    rows = [make_curves([0.8, 0.2, 0.1]), make_curves([0.8, 0.6, 0.1], method="latim")]
    figure = curve_figure(rows, "deletion")
    names = [trace.name for trace in figure.data]
    assert names == ["MambaLRP", "LaTIM", "MambaLRP, reversed", "LaTIM, reversed", "random order"]
    assert list(figure.data[0].y) == [0.8, 0.2, 0.1]
    assert not curve_figure(rows, "insertion").data


def test_the_sentence_tells_who_halves_the_answer_first_and_who_is_no_better_than_chance(
    make_curves,
):
    rows = [
        make_curves([0.8, 0.2, 0.1]),
        make_curves([0.8, 0.75, 0.1], method="latim", auc=0.65),
    ]
    words = curves_sentence(rows)
    assert words.startswith("MambaLRP finds") and "halves after 50" in words
    assert "LaTIM does no better than a random order" in words
    assert "sooner than at random" in curves_sentence(())


def test_the_table_waits_for_complete_curves(make_curves):
    assert "table-empty" in curve_table([make_curves([0.8, 0.2, 0.1]) | {"complete": False}])
    html = curve_table([make_curves([0.8, 0.2, 0.1])])
    assert 'data-name="Deletion" data-value="0.3"' in html
    assert 'data-name="Insertion" data-value=""' in html


@pytest.fixture
def league(tmp_path):
    interval = {"mean": 0.4, "low": 0.3, "high": 0.5, "clips": 2}
    figures = ("deletion_auc", "insertion_auc", "sensitivity_n", "infidelity", "pointing")
    row = dict.fromkeys((*figures, "average_precision", "latency_ms"), interval)
    table = {
        "settings": {"deletion_baseline": "zero", "insertion_baseline": "blur", "seed": 0},
        "clips_from": "camera moves",
        "better": dict.fromkeys((*row, "gap", "randomised_all"), "higher"),
        "league": [
            {"method": "random", "gap": interval | {"mean": 0.01}, "randomised_all": None, **row},
            {"method": "latim", "gap": interval, "randomised_all": None, **row},
        ],
        "clips": [{}, {}],
    }
    (tmp_path / "mini.json").write_text(json.dumps(table))
    return read_league("mini", tmp_path)


def test_the_league_is_sorted_by_its_gap_and_counts_its_clips(league):
    html = league_table(league, "command")
    assert html.index("LaTIM") < html.index("A random map")
    assert 'data-name="Randomised" data-value=""' in html and "0.30 to 0.50" in html
    words = league_sentence(league)
    assert "2 clips (camera moves)" in words and "LaTIM has the widest gap (0.400)" in words


@pytest.mark.parametrize("content", [None, "{", "{}"], ids=["absent", "broken", "other"])
def test_without_a_league_the_command_stands_there(tmp_path, content):
    if content is not None:
        (tmp_path / "mini.json").write_text(content)
    assert read_league("mini", tmp_path) is None
    assert "faithfulness --model mini" in league_table(None, league_command("mini"))
