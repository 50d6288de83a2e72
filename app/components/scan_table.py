"""The comparison as one table: a row per scan order, filled in place, sorted in the browser."""

from collections.abc import Callable, Sequence
from html import escape

import gradio as gr

from analysis.ops.scan_order import SCAN_ORDERS
from app.components.sorted_table import Column, Row, build_sorted_table, sorted_table
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
from app.theme import SCAN_ORDER_NAMES

_GROUPS = (
    ("", 1),
    ("These weights", 2),
    ("Trained in this order", 1),
    ("Cost", 3),
    ("On the token grid", 4),
)


def build_scan_table(value: str) -> gr.HTML:
    """The component; its value is what `scan_table` gives."""
    return build_sorted_table(value, "scan-table", "Scan orders compared")


def scan_table(rows: Sequence[Row], still: bool = False) -> str:
    """Rows of `analysis.scan_comparison.rows` as HTML; cells without a value yet show a dash.

    still: as in `sorted_table`.
    """
    if not rows:
        return '<p class="table-empty">Choose at least one scan order to compare.</p>'
    return sorted_table(
        "Scan orders compared on this clip",
        _COLUMNS,
        rows,
        groups=_GROUPS,
        attributes=_attributes,
        still=still,
    )


def _attributes(row: Row) -> str:
    order = row["scan_order"]
    state = "run" if "predictions" in row else "waiting"
    return f'class="{state}" data-order="{order}" style="--row-color: var(--order-{order})"'


def _name(row: Row) -> str:
    marks = relation_badge(row["relation"], row["caution"])
    if row["interpretation"] == "our reading":
        marks += " " + badge("our reading", "plain", "No published code has this order.")
    name = SCAN_ORDER_NAMES[row["scan_order"]]
    return f'<span class="row-name">{name}</span><span class="row-marks">{marks}</span>'


def _answer(row: Row) -> str:
    return _class_bar(row["label"], row["probability"])


def _trained_answer(row: Row) -> str:
    """What the model trained in this order says, and how often it is right."""
    accuracy = f"test {significant(row['trained_accuracy'])}{THIN_SPACE}%"
    right = f'<small title="Accuracy of {escape(row["trained_model"])}">{accuracy}</small>'
    if row.get("trained_label") is None:
        return right
    return _class_bar(row["trained_label"], row["trained_probability"]) + right


def _class_bar(label: str, probability: float) -> str:
    return (
        f'<span class="bar-word" title="{escape(label)}">{escape(label)}</span>'
        f'<span class="bar-small"><i style="width:{100 * probability:.1f}%"></i></span>'
        f'<span class="bar-share">{percent(probability)}</span>'
    )


def _divergence(row: Row) -> str:
    word, tone = ("same class", "good") if row["top1_agrees"] else ("other class", "warn")
    rank = significant(row["rank_agreement"], 2)
    return (
        f'<span class="one-line">{bits(row["divergence_bits"])}</span> '
        f'{badge(word, tone)}<small title="Rank correlation of all classes">rank {rank}</small>'
    )


def _time(row: Row) -> str:
    ratio = f"\N{MULTIPLICATION SIGN}{THIN_SPACE}{significant(row['relative_latency'])}"
    return (
        f'<span class="one-line">{duration(row["latency_ms"])}</span>'
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
    return f'<span class="one-line">{" | ".join(words)}</span>'


_COLUMNS = (
    Column(
        "Scan order",
        "The order in which tokens are read",
        lambda row: SCAN_ORDERS.index(row["scan_order"]),
        _name,
    ),
    Column(
        "Top class",
        "Most probable class and its probability",
        lambda row: row.get("probability"),
        _answer,
    ),
    Column(
        "Divergence",
        "Jensen-Shannon divergence from the trained order's answer, in bits from 0 to 1; whether "
        "the top class is the same; rank correlation of all classes",
        lambda row: row.get("divergence_bits"),
        _divergence,
    ),
    Column(
        "Own top class",
        "The answer of a model of the same size trained in this order, on the same data as its "
        "siblings, and its accuracy on clips never trained on",
        lambda row: row["trained_accuracy"],
        _trained_answer,
    ),
    Column(
        "Time",
        "Median of one forward pass, and as a multiple of the trained order's",
        lambda row: row.get("latency_ms"),
        _time,
    ),
    Column(
        "Memory",
        "Peak during one forward pass, above weights and clip",
        lambda row: row.get("memory_bytes"),
        lambda row: data_size(row["memory_bytes"]),
    ),
    Column(
        "Scans",
        "Scans that one layer runs, both directions together",
        lambda row: row["scans_per_layer"],
        lambda row: str(row["scans_per_layer"]),
    ),
    Column(
        "Spatial steps",
        "Mean scan steps between neighbours within a frame; per kind of layer where they differ",
        lambda row: row["spatial_distance"],
        _distance("spatial"),
    ),
    Column(
        "Temporal steps",
        "Mean scan steps to the same place in the next frame; per kind of layer where they differ",
        lambda row: row["temporal_distance"],
        _distance("temporal"),
    ),
    Column(
        "Conv reach",
        "Share of neighbours that the convolution's taps reach, in space and in time",
        lambda row: row["spatial_conv_reach"],
        _reach,
    ),
    Column(
        "Contiguity",
        "Share of scan steps that go to a grid neighbour",
        lambda row: row["contiguity"],
        lambda row: share(row["contiguity"]),
    ),
)
