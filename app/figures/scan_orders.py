"""Scan orders side by side: answers, divergence against time, and what happens to neighbours.

Every figure takes the rows of `analysis.scan_comparison.rows`; a row of an order that was not run
yet has its geometry but no answer, and keeps its place.
"""

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from app.figures.number_format import bits, compact, data_size, duration, percent, share
from app.figures.plot_template import placeholder, styled
from app.theme import SCAN_ORDER_COLORS, SCAN_ORDER_NAMES

Row = dict[str, Any]

SHOWN_CLASSES = 5
HEIGHT = 320
_SYMBOLS = {"spatial": "circle", "temporal": "diamond"}


def answers_figure(rows: Sequence[Row]) -> go.Figure:
    """Probability of the leading classes in every order that was run; one colour per order."""
    run = finished(rows)
    if not run:
        return placeholder("Answers appear here, one colour per scan order.")
    labels = leading_labels(run)
    figure = go.Figure(
        [
            go.Bar(
                name=SCAN_ORDER_NAMES[row["scan_order"]],
                y=labels,
                x=[probabilities(row).get(label) for label in labels],
                orientation="h",
                marker_color=SCAN_ORDER_COLORS[row["scan_order"]],
                hovertemplate=f"{SCAN_ORDER_NAMES[row['scan_order']]} ({row['relation']}) gives "
                "%{y} %{x:.1%}<extra></extra>",
            )
            for row in run
        ]
    )
    figure.update_layout(barmode="group", bargap=0.25, showlegend=False)
    largest = max(probabilities(row)[label] for row in run for label in labels)
    figure.update_xaxes(title="probability", range=[0, min(1, 1.15 * largest)], tickformat=".0%")
    figure.update_yaxes(autorange="reversed")
    return styled(figure, height=HEIGHT)


def divergence_figure(rows: Sequence[Row]) -> go.Figure:
    """Each order as one point: its time and how far its answer is from the trained order's.

    Time is the multiple of the trained order's, which a machine that slows down does not bend.
    """
    run = finished(rows)
    if not run:
        return placeholder("One point per order: its time, and how far its answer moved.")
    figure = go.Figure(
        [
            go.Scatter(
                name=SCAN_ORDER_NAMES[row["scan_order"]],
                x=[row["relative_latency"]],
                y=[row["divergence_bits"]],
                mode="markers",
                marker={
                    "color": SCAN_ORDER_COLORS[row["scan_order"]],
                    "size": 14,
                    "symbol": "star" if row["relation"] == "trained order" else "circle",
                },
                hovertemplate=_point_in_words(row) + "<extra></extra>",
            )
            for row in run
        ]
    )
    slowest = max(row["relative_latency"] for row in run)
    furthest = max(row["divergence_bits"] for row in run)
    figure.update_xaxes(
        title="time, \N{MULTIPLICATION SIGN} the trained order's", range=[0, 1.12 * slowest]
    )
    figure.update_yaxes(
        title="divergence, bits",
        range=[-0.06 * max(furthest, 0.02), 1.12 * max(furthest, 0.02)],
    )
    figure.update_layout(showlegend=False)
    return styled(figure, height=HEIGHT)


def distance_figure(rows: Sequence[Row]) -> go.Figure:
    """Scan steps between neighbours, one mark per kind of layer, on a logarithmic axis."""
    if not rows:
        return placeholder("Steps between neighbours, per order.")
    figure = _marks_per_layer_kind(rows, "distance", _steps_in_words)
    ticks = [4**power for power in range(9)]
    figure.update_xaxes(title="scan steps apart", type="log", tickvals=ticks)
    return styled(figure, height=HEIGHT)


def reach_figure(rows: Sequence[Row]) -> go.Figure:
    """Share of neighbours that the convolution reaches, one mark per kind of layer."""
    if not rows:
        return placeholder("Neighbours within the convolution, per order.")
    figure = _marks_per_layer_kind(rows, "conv_reach", _reach_in_words)
    figure.update_xaxes(title="share in reach", tickformat=".0%", range=[-0.05, 1.05])
    return styled(figure, height=HEIGHT)


def finished(rows: Sequence[Row]) -> list[Row]:
    """The rows that have an answer."""
    return [row for row in rows if "predictions" in row]


def leading_labels(run: Sequence[Row]) -> list[str]:
    """The first classes of the trained order, or of the first order run where it was not."""
    reference = next((row for row in run if row["scan_order"] == row["trained_order"]), run[0])
    return [entry["label"] for entry in reference["predictions"][:SHOWN_CLASSES]]


def probabilities(row: Row) -> dict[str, float]:
    """Probability of every class of a finished row."""
    return {entry["label"]: entry["probability"] for entry in row["predictions"]}


def _point_in_words(row: Row) -> str:
    memory = row["memory_bytes"]
    memory_words = "" if memory is None else f", {data_size(memory)} at its peak"
    return (
        f"{SCAN_ORDER_NAMES[row['scan_order']]} ({row['relation']}) takes "
        f"{duration(row['latency_ms'])}{memory_words}<br>and says {row['label']} "
        f"({percent(row['probability'])}), {bits(row['divergence_bits'])} away"
    )


def _marks_per_layer_kind(rows: Sequence[Row], figure_name: str, in_words) -> go.Figure:
    """Circles for spatial neighbours, diamonds for temporal ones, one row of marks per order."""
    figure = go.Figure()
    for side, symbol in _SYMBOLS.items():
        marks = [
            (
                row["scan_order"],
                kind[f"{side}_{figure_name}"],
                in_words(row, kind, side),
            )
            for row in rows
            for kind in row["layer_kinds"]
            if kind[f"{side}_{figure_name}"] is not None
        ]
        figure.add_scatter(
            name=f"{side} neighbours",
            x=[None],
            y=[None],
            mode="markers",
            marker={"symbol": symbol, "size": 10, "color": "#8b8e98"},
        )
        figure.add_scatter(
            showlegend=False,
            y=[SCAN_ORDER_NAMES[order] for order, _, _ in marks],
            x=[value for _, value, _ in marks],
            customdata=[words for _, _, words in marks],
            mode="markers",
            marker={
                "symbol": symbol,
                "size": 12,
                "color": [SCAN_ORDER_COLORS[order] for order, _, _ in marks],
            },
            hovertemplate="%{customdata}<extra></extra>",
        )
    figure.update_yaxes(
        type="category",
        categoryorder="array",
        categoryarray=[SCAN_ORDER_NAMES[row["scan_order"]] for row in rows],
        autorange="reversed",
    )
    figure.update_layout(legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0})
    return figure


def _steps_in_words(row: Row, kind: Row, side: str) -> str:
    return (
        f"{_layers_of(row, kind)}: {side} neighbours are {compact(kind[f'{side}_distance'])} "
        f"steps apart,<br>at most {kind[f'{side}_distance_max']}"
    )


def _reach_in_words(row: Row, kind: Row, side: str) -> str:
    return (
        f"{_layers_of(row, kind)}: {share(kind[f'{side}_conv_reach'])} of {side} neighbours"
        f"<br>are at most {kind['conv_width'] - 1} steps apart"
    )


def _layers_of(row: Row, kind: Row) -> str:
    name = SCAN_ORDER_NAMES[row["scan_order"]]
    if len(row["layer_kinds"]) == 1:
        return f"{name}, all layers"
    return f"{name}, layers {', '.join(str(layer + 1) for layer in kind['layers'])}"
