"""The table of strategies and scan orders on the page: what it shows and says."""

import json
import re

import pytest

from analysis.masking.strategies import STRATEGIES
from app.components.mask_order_table import mask_order_sentence, mask_order_table
from app.mask_orders import COMMAND, TABLE_FILE, read_mask_orders

ORDERS = ("spatial_first", "temporal_first")


def masked(order, boost):
    """Accuracies rise with the place of a strategy; rows run long in the spatial order alone."""
    return [
        {
            "strategy": name,
            "ratio": 0.8,
            "accuracy": 0.3 + 0.05 * place + boost,
            "real_ratio": 0.75 if name.endswith("row") else 0.7969,
            "mean_run": 10.0 if name.endswith("row") == (order == "spatial_first") else 1.25,
            "leakage": 0.0 if name in ("tube", "block") else 0.3,
        }
        for place, name in enumerate(STRATEGIES)
    ]


def written(path, rows):
    content = {"ratios": [0.8], "strategies": list(STRATEGIES), "clips": 90, "rows": rows}
    path.write_text(json.dumps(content))
    return read_mask_orders(path)


@pytest.fixture
def orders(tmp_path):
    rows = [
        {
            "model": f"{order}.{seed}",
            "scan_order": order,
            "accuracy": 0.9 - 0.1 * seed,
            "masked": masked(order, 0.02 * seed),
        }
        for order in ORDERS
        for seed in (0, 1)
    ]
    return written(tmp_path / "orders.json", rows)


def test_a_row_per_strategy_under_the_whole_clips(orders):
    table = mask_order_table(orders, 0.8)
    names = re.findall(r'class="row-name">([^<]+)<', table)
    assert names[0] == "Whole clips" and len(names) == 1 + len(STRATEGIES)
    assert table.count(">ours<") == 2 and table.count(">published<") == 5
    assert "85.0" in table and COMMAND in table
    first = re.findall(r'data-name="Spatial first" data-value="([^"]*)"', table)
    assert float(first[1]) == pytest.approx(0.31)


def test_the_sentence_names_the_best_and_what_rows_bring(orders):
    words = mask_order_sentence(orders, 0.8)
    assert "90 clips" in words and "Motion keeps most" in words
    assert "whole rows (with 75" in words and "not 79.7" in words
    assert "runs of 10" in words and "runs of 1.25" in words
    assert "differ by up to 2.0 points" in words


@pytest.mark.parametrize("content", [None, "{", '{"ratios": [0.8]}', "[]"])
def test_what_was_not_measured_names_its_command(tmp_path, content):
    path = tmp_path / "orders.json"
    if content is not None:
        path.write_text(content)
    assert read_mask_orders(path) is None
    assert COMMAND in mask_order_table(None, 0.8)
    assert "One clip proves little" in mask_order_sentence(None, 0.8)


def test_an_unfinished_table_shows_what_is_there(tmp_path):
    found = written(tmp_path / "orders.json", [])
    assert COMMAND in mask_order_table(found, 0.8)
    row = {"model": "one", "scan_order": "alternating", "accuracy": 1.0}
    found = written(tmp_path / "other.json", [{**row, "masked": masked("alternating", 0)}])
    assert "Spatial first" not in mask_order_table(found, 0.8)
    assert "Spatial first" not in mask_order_sentence(found, 0.8)


def test_the_shipped_table_is_complete():
    """Every model of the scan-order study, each ratio and strategy."""
    orders = read_mask_orders(TABLE_FILE)
    assert len(orders.table.orders) == 7
    assert {column.models for column in orders.table.orders} == {2}
    assert len(orders.table.rows) == len(orders.ratios) * len(STRATEGIES)
    assert orders.settings["teacher"] == "clip_mini.pictures"
