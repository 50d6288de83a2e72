"""The comparison as one table: a row per scan order, filled in place, sorted in the browser."""

from collections.abc import Callable, Sequence
from html import escape
from typing import Any, NamedTuple

import gradio as gr

from analysis.ops.scan_order import SCAN_ORDERS
from app.figures.badge import badge, relation_badge
from app.figures.number_format import (
    NO_VALUE,
    THIN_SPACE,
    bits,
    compact,
    data_size,
    duration,
    percent,
    share,
    significant,
)
from app.theme import ASSETS, SCAN_ORDER_NAMES

Row = dict[str, Any]


class _Column(NamedTuple):
    name: str
    explanation: str
    value: Callable[[Row], float | None]
    """What the column is sorted by; None while it is not known."""
    written: Callable[[Row], str]


_GROUPS = (
    ("", 1),
    ("These weights, reordered", 3),
    ("Trained so", 1),
    ("Cost", 3),
    ("On the token grid", 4),
)


def build_scan_table(value: str) -> gr.HTML:
    """The component; its value is what `scan_table` gives."""
    return gr.HTML(
        value,
        css_template=(ASSETS / "scan_table.css").read_text(encoding="utf-8"),
        js_on_load=(ASSETS / "scan_table.js").read_text(encoding="utf-8"),
        apply_default_css=False,
        elem_id="scan-table",
        label="Scan orders compared",
    )


def scan_table(rows: Sequence[Row]) -> str:
    """Rows of `analysis.scan_comparison.rows` as HTML; cells without a value yet show a dash."""
    if not rows:
        return '<p class="scan-empty">Choose at least one scan order to compare.</p>'
    groups = "".join(f'<th scope="colgroup" colspan="{span}">{name}</th>' for name, span in _GROUPS)
    heads = "".join(_head(index, column) for index, column in enumerate(_COLUMNS))
    options = "".join(
        f'<option value="{index}">{name}</option>' for index, (name, *_) in enumerate(_COLUMNS)
    )
    body = "".join(_row(row) for row in rows)
    return (
        f'<label class="scan-sort">Sort by <select>{options}</select></label>'
        '<table class="scan-table"><caption>Scan orders compared on this clip</caption>'
        f'<thead><tr class="groups">{groups}</tr><tr>{heads}</tr></thead>'
        f"<tbody>{body}</tbody></table>"
    )


def _head(index: int, column: _Column) -> str:
    return (
        f'<th scope="col" aria-sort="none"><button type="button" data-column="{index}" '
        f'title="{escape(column.explanation)}">{column.name}</button></th>'
    )


def _row(row: Row) -> str:
    order = row["scan_order"]
    cells = "".join(_cell(row, column) for column in _COLUMNS)
    state = "run" if "predictions" in row else "waiting"
    return (
        f'<tr class="{state}" data-order="{order}" style="--order-color: var(--order-{order})">'
        f"{cells}</tr>"
    )


def _cell(row: Row, column: _Column) -> str:
    value = column.value(row)
    tag = 'th scope="row"' if column.written is _name else "td"
    content, key = (NO_VALUE, "") if value is None else (column.written(row), value)
    return f'<{tag} data-name="{column.name}" data-value="{key}">{content}</{tag[:2]}>'


def _name(row: Row) -> str:
    marks = relation_badge(row["relation"], row["caution"])
    if row["interpretation"] == "our reading":
        marks += " " + badge("our reading", "plain", "No published code has this order.")
    name = SCAN_ORDER_NAMES[row["scan_order"]]
    return f'<span class="scan-name">{name}</span><span class="scan-marks">{marks}</span>'


def _answer(row: Row) -> str:
    return _class_bar(row["label"], row["probability"])


def _trained_answer(row: Row) -> str:
    """What the model trained in this order says, and how often it is right."""
    accuracy = f"{significant(row['trained_accuracy'])}{THIN_SPACE}% right"
    right = f'<small title="{escape(row["trained_model"])}">{accuracy} in its test</small>'
    if row.get("trained_label") is None:
        return right
    return _class_bar(row["trained_label"], row["trained_probability"]) + right


def _class_bar(label: str, probability: float) -> str:
    return (
        f'<span class="scan-label" title="{escape(label)}">{escape(label)}</span>'
        f'<span class="scan-track"><i style="width:{100 * probability:.1f}%"></i></span>'
        f'<span class="scan-share">{percent(probability)}</span>'
    )


def _agreement(row: Row) -> str:
    word, tone = ("same", "good") if row["top1_agrees"] else ("other", "warn")
    rank = significant(row["rank_agreement"], 2)
    return f'{badge(word, tone)}<small title="Rank correlation of all classes">{rank}</small>'


def _time(row: Row) -> str:
    ratio = f"\N{MULTIPLICATION SIGN}{THIN_SPACE}{significant(row['relative_latency'])}"
    return (
        f'<span class="scan-kinds">{duration(row["latency_ms"])}</span>'
        f'<small title="Over the trained order">{ratio}</small>'
    )


def _distance(side: str) -> Callable[[Row], str]:
    return lambda row: _per_layer_kind(row, f"{side}_distance", compact)


def _reach(row: Row) -> str:
    space = _per_layer_kind(row, "spatial_conv_reach", share)
    time = _per_layer_kind(row, "temporal_conv_reach", share)
    return f"{space}<small>in time {time}</small>"


def _per_layer_kind(row: Row, figure: str, written: Callable[[float], str]) -> str:
    """The figure of each kind of layer; one number where they are equal."""
    values = [kind[figure] for kind in row["layer_kinds"]]
    words = dict.fromkeys(NO_VALUE if value is None else written(value) for value in values)
    return f'<span class="scan-kinds">{" | ".join(words)}</span>'


_COLUMNS = (
    _Column(
        "Scan order",
        "The order in which tokens are read",
        lambda row: SCAN_ORDERS.index(row["scan_order"]),
        _name,
    ),
    _Column(
        "Top class",
        "Most probable class and its probability",
        lambda row: row.get("probability"),
        _answer,
    ),
    _Column(
        "Divergence",
        "Jensen-Shannon divergence from the trained order's answer, in bits from 0 to 1",
        lambda row: row.get("divergence_bits"),
        lambda row: bits(row["divergence_bits"]),
    ),
    _Column(
        "Agreement",
        "Whether the top class is the trained order's; rank correlation of all classes",
        lambda row: row.get("rank_agreement"),
        _agreement,
    ),
    _Column(
        "Trained in this order",
        "The answer of a model of the same size trained in this order, on the same data as its "
        "siblings, and its accuracy on clips never trained on",
        lambda row: row["trained_accuracy"],
        _trained_answer,
    ),
    _Column(
        "Time",
        "Median of one forward pass, and as a multiple of the trained order's",
        lambda row: row.get("latency_ms"),
        _time,
    ),
    _Column(
        "Memory",
        "Peak during one forward pass, above weights and clip",
        lambda row: row.get("memory_bytes"),
        lambda row: data_size(row["memory_bytes"]),
    ),
    _Column(
        "Scans",
        "Scans that one layer runs, both directions together",
        lambda row: row["scans_per_layer"],
        lambda row: str(row["scans_per_layer"]),
    ),
    _Column(
        "Spatial steps",
        "Mean scan steps between neighbours within a frame; per kind of layer where they differ",
        lambda row: row["spatial_distance"],
        _distance("spatial"),
    ),
    _Column(
        "Temporal steps",
        "Mean scan steps to the same place in the next frame; per kind of layer where they differ",
        lambda row: row["temporal_distance"],
        _distance("temporal"),
    ),
    _Column(
        "Conv reach",
        "Share of neighbours that the convolution's taps reach, in space and in time",
        lambda row: row["spatial_conv_reach"],
        _reach,
    ),
    _Column(
        "Contiguity",
        "Share of scan steps that go to a grid neighbour",
        lambda row: row["contiguity"],
        lambda row: share(row["contiguity"]),
    ),
)
