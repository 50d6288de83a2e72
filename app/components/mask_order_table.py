"""Masking strategies against scan orders over many clips: a row per strategy, sorted in place."""

from html import escape

from analysis.masking.order_table import OrderRow
from analysis.masking.strategies import STRATEGIES
from app.components.sorted_table import Column, Row, sorted_table
from app.figures.badge import badge
from app.figures.mask_words import origin
from app.figures.number_format import percent, share, significant
from app.mask_orders import COMMAND, MaskOrders
from app.theme import SCAN_ORDER_NAMES, STRATEGY_COLORS, STRATEGY_NAMES

_CODE = f'<code class="command">{escape(COMMAND)}</code>'


def mask_order_table(orders: MaskOrders | None, ratio: float) -> str:
    """The rows of one ratio under the whole clips; else how to measure them."""
    if orders is None or not orders.table.orders:
        return (
            '<p class="table-empty">No strategies were judged over many clips yet. '
            f"Measure them with {_CODE}</p>"
        )
    whole = {"name": None, "cells": orders.table.orders}
    found = [row for row in orders.table.rows if row.ratio == ratio]
    rows = [whole, *({"name": row.strategy, "row": row, "cells": row.cells} for row in found)]
    table = sorted_table(
        "Strategies and scan orders over many clips", _columns(orders), rows, attributes=_attributes
    )
    return f'<div class="league-scroll">{table}</div>{_CODE}'


def _columns(orders: MaskOrders) -> list[Column]:
    places = {name: place for place, name in enumerate((None, *STRATEGIES))}
    columns = [
        Column("Strategy", "What hides tokens", lambda row: places[row["name"]], _name),
        Column(
            "Hidden", "Share of tokens really hidden", _of("real_ratio"), _written("real_ratio")
        ),
        Column(
            "Leakage",
            "Hidden tokens whose site is visible one time step away",
            _of("leakage"),
            _written("leakage"),
        ),
    ]
    return columns + [
        Column(
            SCAN_ORDER_NAMES[order.scan_order],
            "Right answers of models trained in this order; below, the mean visible run in tokens",
            lambda row, number=number: row["cells"][number].accuracy,
            lambda row, number=number: _cell(row, number),
        )
        for number, order in enumerate(orders.table.orders)
    ]


def _of(name: str):
    return lambda row: getattr(row.get("row"), name, None)


def _written(name: str):
    return lambda row: f'<span class="one-line">{share(round(_of(name)(row), 3))}</span>'


def _name(row: Row) -> str:
    if row["name"] is None:
        return '<span class="row-name">Whole clips</span>'
    strategy = STRATEGIES[row["name"]]
    mark = badge(origin(strategy), "plain")
    return f'<span class="row-name">{STRATEGY_NAMES[strategy.name]}</span>{mark}'


def _cell(row: Row, number: int) -> str:
    cell = row["cells"][number]
    words = f'<span class="one-line">{percent(cell.accuracy)}</span>'
    if row["name"] is not None:
        words += f'<small class="one-line">run {significant(cell.mean_run)}</small>'
    return words


def _attributes(row: Row) -> str:
    color = STRATEGY_COLORS.get(row["name"], "var(--line)")
    return f'style="--row-color: {color}"'


def mask_order_sentence(orders: MaskOrders | None, ratio: float) -> str:
    """Who keeps most answers, what rows bring, and how far two seeds are apart."""
    if orders is None or not orders.table.orders:
        return "One clip proves little: this table judges every strategy over many."
    table = orders.table
    found = {row.strategy: row for row in table.rows if row.ratio == ratio}
    best = max(found.values(), key=_mean_accuracy)
    spread = max(cell.spread for row in found.values() for cell in row.cells)
    whole = sum(order.accuracy for order in table.orders) / len(table.orders)
    return (
        f"{orders.settings['clips']} clips, each with masks of its own; the models were trained on "
        f"whole clips, of which they answer {percent(whole)} right on average over the orders. "
        f"{STRATEGY_NAMES[best.strategy]} keeps most, {percent(_mean_accuracy(best))}. "
        f"{_rows_words(orders, found)} Two models of one order differ by up to "
        f"{significant(100 * spread, 2)} points, so read smaller differences as none."
    )


def _rows_words(orders: MaskOrders, found: dict[str, OrderRow]) -> str:
    """Rows beside single tokens in the order that keeps rows whole."""
    names = [order.scan_order for order in orders.table.orders]
    if "spatial_first" not in names:
        return ""
    number = names.index("spatial_first")
    row, single = (found[name] for name in ("frame_row", "random"))
    one, other = row.cells[number], single.cells[number]
    hidden = (
        ""
        if row.real_ratio == single.real_ratio
        else f" (with {share(round(row.real_ratio, 3))} hidden, not "
        f"{share(round(single.real_ratio, 3))})"
    )
    return (
        f"Spatial first, whole rows{hidden} leave runs of {significant(one.mean_run)} tokens and "
        f"{percent(one.accuracy)} right answers, single tokens runs of "
        f"{significant(other.mean_run)} and {percent(other.accuracy)}."
    )


def _mean_accuracy(row: OrderRow) -> float:
    return sum(cell.accuracy for cell in row.cells) / len(row.cells)
