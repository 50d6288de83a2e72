"""Multiply-adds of models as a table: a row per part, a column per model."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from app.components.sorted_table import Column, Row, sorted_table
from app.figures.arithmetic_bars import PART_LOOKS
from app.figures.number_format import in_thousands

if TYPE_CHECKING:  # It brings the models; the page opens without.
    from analysis.profiling.attention_peers import TitledArithmetic

_TOTALS = {
    "multiply_adds": "All parts",
    "counted": "of them counted",
    "added": "of them added from a formula",
    "paper_convention": "As its paper counts",
}


def arithmetic_table(models: Sequence[TitledArithmetic]) -> str:
    """Parts in the order of a pass, then the totals."""
    if not models:
        return '<p class="table-empty">Multiply-adds by part appear here.</p>'
    by_model = [{p.part: p.multiply_adds for p in model.arithmetic.parts} for model in models]
    rows: list[Row] = [
        {"name": look.name, "values": [parts.get(part) for parts in by_model]}
        for part, look in PART_LOOKS.items()
        if any(part in parts for parts in by_model)
    ]
    rows += [
        {"name": name, "values": [getattr(model.arithmetic, total) for model in models]}
        for total, name in _TOTALS.items()
    ]
    for place, row in enumerate(rows):
        row["place"] = place
    columns = [Column("Part", "In the order of a pass", lambda row: row["place"], _name)]
    columns += [_column(index, model.title) for index, model in enumerate(models)]
    return sorted_table("Multiply-adds of one clip", columns, rows)


def _column(index: int, title: str) -> Column:
    def value(row: Row) -> float | None:
        return row["values"][index]

    def written(row: Row) -> str:
        return in_thousands(row["values"][index])

    return Column(escape(title), f"Multiply-adds of {title}", value, written)


def _name(row: Row) -> str:
    return f'<span class="row-name">{row["name"]}</span>'
