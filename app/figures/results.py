"""Studies as plots: accuracy of every run, the paper's column, single classes, training curves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import plotly.graph_objects as go
from plotly.colors import sample_colorscale

from analysis.training.paper_tables import paper_value
from app.figures.plot_template import placeholder, styled
from app.theme import ACCENT, SCAN_ORDER_COLORS, SCAN_ORDER_NAMES, SEQUENTIAL

if TYPE_CHECKING:  # Every recipe comes with it; the page opens without.
    from analysis.training.study_summary import SettingSummary, StudySummary

_ROW_HEIGHT = 34
_LEGEND_HEIGHT = 20
_SHADES = (0.2, 0.75)
"""Of the sequential scale: seen on white and on black."""
_DASHES = ("solid", "dot", "dash", "dashdot")
_WORDS = {
    "self_distillation": "Self-distillation {}",
    "num_frames": "{} frames",
    "image_size": "{} px",
    "seed": "seed {}",
    "weights": "{}",
    "method": "{}",
    "mask": "{} mask",
    "ratio_percent": "{} % masked",
}


def setting_name(settings: dict) -> str:
    """A setting in words."""
    if settings.get("mask") == "none":
        return "No pretraining"
    if "scan_order" in settings:
        rest = {name: value for name, value in settings.items() if name != "scan_order"}
        words = [SCAN_ORDER_NAMES[settings["scan_order"]]]
    else:
        rest, words = settings, []
    words += [
        _WORDS.get(name, name.replace("_", " ") + " {}").format(str(value).replace("_", " "))
        for name, value in rest.items()
    ]
    return ", ".join(words)


def setting_color(summary: StudySummary, settings: dict) -> str:
    """The colour of the scan order; without one, a shade by the setting's place in the study."""
    if "scan_order" in settings:
        return SCAN_ORDER_COLORS[settings["scan_order"]]
    if len(summary.planned) < 2:
        return ACCENT
    low, high = _SHADES
    place = summary.planned.index(settings) / (len(summary.planned) - 1)
    return sample_colorscale(SEQUENTIAL, [low + place * (high - low)])[0]


def accuracy_figure(summary: StudySummary) -> go.Figure:
    """A point per run and a bar at the mean of each setting, best on top."""
    if not summary.settings:
        return placeholder("Accuracies appear here as runs finish.")
    names = [_axis_name(setting) for setting in summary.settings]
    colors = [setting_color(summary, setting.settings) for setting in summary.settings]
    figure = go.Figure(
        go.Bar(
            y=names,
            x=[setting.mean for setting in summary.settings],
            orientation="h",
            marker_color=colors,
            opacity=0.45,
            hovertemplate="%{y}: %{x:.1f} % on average<extra></extra>",
        )
    )
    points = [
        (name, color, row)
        for name, color, setting in zip(names, colors, summary.settings, strict=True)
        for row in setting.rows
    ]
    figure.add_trace(
        go.Scatter(
            y=[name for name, _, _ in points],
            x=[row.accuracy for _, _, row in points],
            mode="markers",
            marker={
                "size": 9,
                "color": [color for _, color, _ in points],
                "line": {"width": 1, "color": "white"},
            },
            customdata=[row.settings.get("seed", 0) for _, _, row in points],
            hovertemplate="%{y}, seed %{customdata}: %{x:.1f} %<extra></extra>",
        )
    )
    return _per_setting(figure, len(names), [0, 100])


def paper_figure(summary: StudySummary) -> go.Figure | None:
    """What the paper reports for the same settings, in our order; None where it has none."""
    study = summary.table.study.name
    reported = [
        (setting, paper_value(study, setting.settings))
        for setting in summary.settings
        if paper_value(study, setting.settings) is not None
    ]
    if not reported:
        return None
    values = [value for _, value in reported]
    figure = go.Figure(
        go.Scatter(
            y=[_axis_name(setting) for setting, _ in reported],
            x=values,
            mode="markers+text",
            marker={
                "size": 11,
                "symbol": "diamond",
                "color": [setting_color(summary, setting.settings) for setting, _ in reported],
            },
            text=[f"{value:.1f}" for value in values],
            textposition="middle right",
            cliponaxis=False,
            hovertemplate="%{y}: %{x:.1f} % in the paper<extra></extra>",
        )
    )
    margin = 0.35 * (max(values) - min(values) or 1)
    span = [min(values) - margin, max(values) + margin]
    return _per_setting(figure, len(reported), span)


def classes_figure(summary: StudySummary) -> go.Figure:
    """Accuracy of every class in every setting, mean over seeds."""
    settings = [setting for setting in summary.settings if setting.accuracy_by_class]
    if not settings:
        return placeholder("Accuracy by class appears here as runs finish.")
    labels = list(settings[0].accuracy_by_class)
    figure = go.Figure(
        go.Heatmap(
            z=[[setting.accuracy_by_class[label] for label in labels] for setting in settings],
            x=labels,
            y=[_axis_name(setting) for setting in settings],
            colorscale=SEQUENTIAL,
            zmin=0,
            zmax=100,
            texttemplate="%{z:.0f}",
            showscale=False,
            hovertemplate="%{y} is right about %{x} in %{z:.1f} % of clips<extra></extra>",
        )
    )
    figure.update_xaxes(side="bottom", tickangle=-45, dtick=1)
    figure.update_yaxes(autorange="reversed")
    room_for_labels = 60 + 5 * max(map(len, labels))
    return styled(figure, height=room_for_labels + _ROW_HEIGHT * len(settings))


def curves_figure(summary: StudySummary) -> go.Figure:
    """Held-out accuracy while training, a line per run."""
    figure = go.Figure()
    for setting in summary.settings:
        name = setting_name(setting.settings)
        for row in setting.rows:
            steps = row.curve[-1]["step"] if row.curve else 1
            figure.add_trace(
                go.Scatter(
                    x=[point["step"] * row.clips / steps for point in row.curve],
                    y=[100 * point["held_out_accuracy"] for point in row.curve],
                    name=name,
                    legendgroup=name,
                    showlegend=row is setting.rows[0],
                    mode="lines",
                    line={
                        "color": setting_color(summary, setting.settings),
                        "dash": _DASHES[row.settings.get("seed", 0) % len(_DASHES)],
                    },
                    hovertemplate=f"{setting_name(row.settings)}: %{{y:.1f}} % after "
                    "%{x:,.0f} clips<extra></extra>",
                )
            )
    if not figure.data:
        return placeholder("A line per run appears here.")
    figure.update_layout(legend={"orientation": "h", "y": -0.22, "yanchor": "top"})
    figure.update_xaxes(title="clips seen")
    figure.update_yaxes(title="held-out top-1, %", rangemode="tozero")
    return styled(figure, height=300 + _LEGEND_HEIGHT * len(summary.settings))


def spread_words(setting: SettingSummary) -> str:
    """How far seeds differ, or that there is one."""
    return "one seed" if setting.spread is None else f"{setting.spread:.1f} points"


def _axis_name(setting: SettingSummary) -> str:
    """In lines, so that plots have room on a phone."""
    return setting_name(setting.settings).replace(", ", ",<br>")


def _per_setting(figure: go.Figure, rows: int, span: list[float]) -> go.Figure:
    figure.update_layout(showlegend=False, bargap=0.35)
    figure.update_xaxes(title="top-1, %", range=span)
    figure.update_yaxes(autorange="reversed")
    return styled(figure, height=100 + _ROW_HEIGHT * rows)
