"""The table of strategies and scan orders: made, stopped and gone on with, printed, refused."""

import json

import numpy as np
import pytest

from analysis.__main__ import main
from analysis.commands import mask_accuracy
from analysis.masking.order_table import order_table
from analysis.masking.strategies import STRATEGIES
from analysis.weights import weights_card

MODELS = tuple(
    f"videomamba_mini.order_{tail}"
    for tail in ("spatial_first", "temporal_first", "spatial_first.seed_1")
)


@pytest.fixture
def run(capsys, monkeypatch, photographs, one_thread):
    monkeypatch.setattr(mask_accuracy, "_studied", lambda: [weights_card(name) for name in MODELS])

    def call(*arguments):
        choice = ["mask-accuracy", "--photographs", str(photographs), *map(str, arguments)]
        return main(choice), capsys.readouterr()

    return call


def test_the_table_goes_on_where_it_was_stopped(run, tmp_path, monkeypatch):
    kept = tmp_path / "masking" / "orders.json"
    options = ["--clips", 5, "--ratios", 0.75, "--json", "--out", kept]
    judged = mask_accuracy._row

    def stopped(card, *rest):
        if card.name == MODELS[2]:
            raise KeyboardInterrupt
        return judged(card, *rest)

    monkeypatch.setattr(mask_accuracy, "_row", stopped)
    code, printed = run(*options)
    assert code == 130 and "goes on after the last whole model" in printed.err
    monkeypatch.setattr(mask_accuracy, "_row", judged)
    code, printed = run(*options)
    table = json.loads(printed.out)
    assert code == 0 and table == json.loads(kept.read_text())
    assert MODELS[1] not in printed.err and MODELS[2] in printed.err
    assert [row["model"] for row in table["rows"]] == list(MODELS)
    assert table["teacher"] == "clip_mini.pictures" and table["grid"] == [4, 8, 8]
    for row in table["rows"]:
        assert (5 * row["accuracy"]) % 1 == pytest.approx(0, abs=1e-9)
        found = {one["strategy"]: one for one in row["masked"]}
        assert list(found) == list(STRATEGIES)
        assert {one["real_ratio"] for one in found.values()} == {0.75}
        assert found["tube"]["leakage"] == 0
        rows_fit = row["scan_order"] == "spatial_first"
        assert (found["frame_row"]["mean_run"] > found["tube"]["mean_run"]) == rows_fit
    _check_means(table)
    code, printed = run(*options, "--seed", 1)
    assert code == 1 and "other rows or settings" in json.loads(printed.out)["error"]


def _check_means(table):
    """The order table against means written out."""
    shown = order_table(table)
    assert [column.scan_order for column in shown.orders] == ["spatial_first", "temporal_first"]
    both = [table["rows"][0], table["rows"][2]]
    accuracies = [row["accuracy"] for row in both]
    assert shown.orders[0].accuracy == pytest.approx(np.mean(accuracies))
    assert shown.orders[0].spread == pytest.approx(abs(accuracies[0] - accuracies[1]))
    assert (shown.orders[0].models, shown.orders[1].models) == (2, 1)
    tube = next(row for row in shown.rows if row.strategy == "tube")
    values = [one["accuracy"] for row in both for one in row["masked"] if one["strategy"] == "tube"]
    assert tube.cells[0].accuracy == pytest.approx(np.mean(values))
    assert len(tube.cells) == 2


def test_people_get_two_tables_a_ratio(run):
    code, printed = run("--clips", 3, "--ratios", 0.5)
    assert code == 0
    assert "ratio 0.5: mean visible run in tokens" in printed.out
    assert "ratio 0.5: accuracy in percent" in printed.out
    assert "attention of clip_mini.pictures" in printed.out
    assert printed.out.count("frame_row") == 2 and "whole clips" in printed.out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--ratios", 1], "mask ratio 1.0; choose one from 0 to below 1"),
        (["--clips", 0], "At least one clip is judged on, got --clips 0"),
    ],
)
def test_what_cannot_be_judged_is_one_sentence(run, options, message):
    code, printed = run(*options)
    assert code == 1 and message in printed.err and printed.err.count("\n") == 1


def test_no_rows_give_an_empty_table():
    shown = order_table({"rows": [], "ratios": [0.8], "strategies": ["tube"]})
    assert shown.orders == () and shown.rows == ()


def test_a_strategy_that_was_not_judged_is_one_sentence():
    row = {"model": "one", "scan_order": "alternating", "accuracy": 1.0, "masked": []}
    with pytest.raises(ValueError, match=r"one was not judged with tube at 0\.8"):
        order_table({"rows": [row], "ratios": [0.8], "strategies": ["tube"]})
