"""Tables that are sorted in the browser by any column, and stack into cards on a narrow screen."""

from collections.abc import Callable, Sequence
from html import escape
from typing import Any, NamedTuple

import gradio as gr

from app.figures.number_format import NO_VALUE
from app.theme import ASSETS

Row = dict[str, Any]


class Column(NamedTuple):
    """One column: the first of a table names its rows."""

    name: str
    explanation: str
    value: Callable[[Row], float | None]
    """What the column is sorted by; None while it is not known."""
    written: Callable[[Row], str]
    """The cell as HTML."""


def build_sorted_table(value: str, elem_id: str, label: str) -> gr.HTML:
    """The component; its value is what `sorted_table` gives."""
    return gr.HTML(
        value,
        css_template=(ASSETS / "sorted_table.css").read_text(encoding="utf-8"),
        js_on_load=(ASSETS / "sorted_table.js").read_text(encoding="utf-8"),
        apply_default_css=False,
        elem_id=elem_id,
        label=label,
    )


def sorted_table(
    caption: str,
    columns: Sequence[Column],
    rows: Sequence[Row],
    *,
    groups: Sequence[tuple[str, int]] = (),
    attributes: Callable[[Row], str] = lambda row: "",
    still: bool = False,
) -> str:
    """Rows as HTML; cells without a value show a dash.

    `groups` are headings over columns with the number they span; `attributes` are of a row's `tr`.
    A `still` table, for files, has nothing to sort it by.
    """
    spans = "".join(f'<th scope="colgroup" colspan="{span}">{name}</th>' for name, span in groups)
    heads = "".join(_head(index, column, still) for index, column in enumerate(columns))
    options = '<option value="" hidden>a column</option>' + "".join(
        f'<option value="{index}">{column.name}</option>' for index, column in enumerate(columns)
    )
    body = "".join(
        f"<tr {attributes(row)}>{''.join(_cell(row, c, c is columns[0]) for c in columns)}</tr>"
        for row in rows
    )
    over = f'<tr class="groups">{spans}</tr>' if groups else ""
    menu = f'<label class="table-sort">Sort by <select>{options}</select></label>'
    return (
        f"{'' if still else menu}"
        f'<table class="sorted-table"><caption>{escape(caption)}</caption>'
        f"<thead>{over}<tr>{heads}</tr></thead><tbody>{body}</tbody></table>"
    )


def _head(index: int, column: Column, still: bool) -> str:
    if still:
        return f'<th scope="col" title="{escape(column.explanation)}">{column.name}</th>'
    return (
        f'<th scope="col" aria-sort="none"><button type="button" data-column="{index}" '
        f'title="{escape(column.explanation)}">{column.name}</button></th>'
    )


def _cell(row: Row, column: Column, names_row: bool) -> str:
    value = column.value(row)
    tag = 'th scope="row"' if names_row else "td"
    content, key = (NO_VALUE, "") if value is None else (column.written(row), value)
    return f'<{tag} data-name="{column.name}" data-value="{key}">{content}</{tag[:2]}>'
