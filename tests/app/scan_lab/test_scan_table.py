"""The table: every row says how far it may be trusted, and waits in place for its answer."""

import re

import pytest

from analysis.ops.scan_order import SCAN_ORDERS
from app.components.scan_table import scan_table


def body_rows(html: str) -> list[str]:
    return re.findall(r"<tr class=.*?</tr>", html.split("<tbody>")[1], re.DOTALL)


def test_every_row_says_how_the_order_relates_to_the_weights(measured):
    first, second, third = body_rows(scan_table(measured()))
    assert "trained order</span>" in first and "our reading" not in first
    for row in (second, third):
        assert ">reordered</span>" in row and ">our reading</span>" in row
        assert "not the quality of the order" in row


def test_rows_wait_in_place(planned, measured):
    waiting = body_rows(scan_table(planned(SCAN_ORDERS)))
    assert [row.startswith('<tr class="waiting"') for row in waiting] == [True] * 7
    mixed = measured(["spatial_first"]) + planned(["alternating"])
    assert [row[:18] for row in body_rows(scan_table(mixed))] == [
        '<tr class="run" da',
        '<tr class="waiting',
    ]


@pytest.mark.parametrize("training", ["toy", "untrained"])
def test_rows_have_as_many_cells_as_heads(measured, planned, training):
    rows = measured(training=training) + planned(["half_spatial_half_temporal"], training)
    html = scan_table(rows)
    heads = html.count("data-column=")
    for row in body_rows(html):
        assert row.count("data-value=") == heads
    assert sum(int(span) for span in re.findall(r'colspan="(\d+)"', html)) == heads


def test_sort_keys_are_the_numbers_themselves(measured):
    keys = re.findall(r'data-name="Divergence" data-value="([^"]*)"', scan_table(measured()))
    assert [float(key) for key in keys] == [0.0, 0.31, 0.02]


def test_two_kinds_of_layers_are_written_side_by_side(planned):
    (row,) = body_rows(scan_table(planned(["half_temporal_half_spatial"])))
    assert "18 | 4.5" in row and "1 | 64" in row


def test_labels_cannot_inject_markup(measured):
    (row,) = measured(["spatial_first"])
    html = scan_table([row | {"label": "<img src=x onerror=alert(1)>"}])
    assert "<img" not in html and "&lt;img" in html


def test_no_orders_is_an_invitation():
    assert "Choose at least one scan order" in scan_table(())
