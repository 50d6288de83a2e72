"""Studies as plots: accuracy of every run, the paper's column, single classes, training curves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import plotly.graph_objects as go

from analysis.training.paper_tables import paper_value
from app.figures.number_format import significant
from app.figures.plot_template import placeholder, styled
from app.theme import ACCENT, SCAN_ORDER_COLORS, SCAN_ORDER_NAMES, SEQUENTIAL

if TYPE_CHECKING:  # Every recipe comes with it; the page opens without.
    from analysis.training.study_summary import SettingSummary, StudySummary

_ROW_HEIGHT = 34
_DASHES = ("solid", "dot", "dash", "dashdot")
_WORDS = {
    "self_distillation": "Self-distillation {}",
    "num_frames": "{} frames",
    "image_size": "{} px",
    "seed": "seed {}",
    "weights": "{}",
}


def setting_name(settings: dict) -> str:
    """A setting in words."""
    if "scan_order" in settings:
        rest = {name: value for name, value in settings.items() if name != "scan_order"}
        words = [SCAN_ORDER_NAMES[settings["scan_order"]]]
    else:
        rest, words = settings, []
    words += [_WORDS.get(name, name + " {}").format(value) for name, value in rest.items()]
    return ", ".join(words)


def setting_color(settings: dict) -> str:
    """The colour of the scan order, where a setting has one."""
    return SCAN_ORDER_COLORS.get(settings.get("scan_order"), ACCENT)


def accuracy_figure(summary: StudySummary) -> go.Figure:
    """A point per run and a bar at the mean of each setting, best on top."""
    if not summary.settings:
        return placeholder("Accuracies appear here as runs finish.")
    names = [setting_name(setting.settings) for setting in summary.settings]
    figure = go.Figure(
        go.Bar(
            y=names,
            x=[setting.mean for setting in summary.settings],
            orientation="h",
            marker_color=[setting_color(setting.settings) for setting in summary.settings],
            opacity=0.45,
            hovertemplate="%{y}: %{x:.1f} % on average<extra></extra>",
        )
    )
    points = [
        (setting_name(setting.settings), row)
        for setting in summary.settings
        for row in setting.rows
    ]
    figure.add_trace(
        go.Scatter(
            y=[name for name, _ in points],
            x=[row.accuracy for _, row in points],
            mode="markers",
            marker={
                "size": 9,
                "color": [setting_color(row.settings) for _, row in points],
                "line": {"width": 1, "color": "white"},
            },
            customdata=[row.settings.get("seed", 0) for _, row in points],
            hovertemplate="%{y}, seed %{customdata}: %{x:.1f} %<extra></extra>",
        )
    )
    return _per_setting(figure, len(names), "top-1 on clips never trained on, %", [0, 100])


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
            y=[setting_name(setting.settings) for setting, _ in reported],
            x=values,
            mode="markers+text",
            marker={
                "size": 11,
                "symbol": "diamond",
                "color": [setting_color(setting.settings) for setting, _ in reported],
            },
            text=[f"{value:.1f}" for value in values],
            textposition="middle right",
            cliponaxis=False,
            hovertemplate="%{y}: %{x:.1f} % in the paper<extra></extra>",
        )
    )
    margin = 0.35 * (max(values) - min(values) or 1)
    span = [min(values) - margin, max(values) + margin]
    return _per_setting(figure, len(reported), "top-1 the paper reports, %", span)


def classes_figure(summary: StudySummary) -> go.Figure:
    """Accuracy of every class in every setting, mean over seeds."""
    rows = [(setting, _by_class(setting)) for setting in summary.settings]
    rows = [(setting, classes) for setting, classes in rows if classes]
    if not rows:
        return placeholder("Accuracy by class appears here as runs finish.")
    labels = list(rows[0][1])
    figure = go.Figure(
        go.Heatmap(
            z=[[classes[label] for label in labels] for _, classes in rows],
            x=labels,
            y=[setting_name(setting.settings) for setting, _ in rows],
            colorscale=SEQUENTIAL,
            zmin=0,
            zmax=100,
            texttemplate="%{z:.0f}",
            colorbar={"title": "%", "thickness": 10},
            hovertemplate="%{y} is right about %{x} in %{z:.1f} % of clips<extra></extra>",
        )
    )
    figure.update_xaxes(side="bottom", tickangle=-35)
    figure.update_yaxes(autorange="reversed")
    return styled(figure, height=140 + _ROW_HEIGHT * len(rows))


def curves_figure(summary: StudySummary) -> go.Figure:
    """Held-out accuracy while training, a line per run."""
    figure = go.Figure()
    for setting in summary.settings:
        for row in setting.rows:
            steps = row.curve[-1]["step"] if row.curve else 1
            figure.add_trace(
                go.Scatter(
                    x=[point["step"] * row.clips / steps for point in row.curve],
                    y=[100 * point["held_out_accuracy"] for point in row.curve],
                    name=setting_name(row.settings),
                    mode="lines",
                    line={
                        "color": setting_color(row.settings),
                        "dash": _DASHES[row.settings.get("seed", 0) % len(_DASHES)],
                    },
                    hovertemplate=f"{setting_name(row.settings)}: %{{y:.1f}} % after "
                    "%{x:,.0f} clips<extra></extra>",
                )
            )
    if not figure.data:
        return placeholder("A line per run appears here.")
    figure.update_layout(showlegend=False)
    figure.update_xaxes(title="clips seen")
    figure.update_yaxes(title="held-out top-1, %", rangemode="tozero")
    return styled(figure, height=320)


def spread_words(setting: SettingSummary) -> str:
    """How far seeds differ, or that there is one."""
    return "one seed" if setting.spread is None else f"{significant(setting.spread)} points"


def _by_class(setting: SettingSummary) -> dict[str, float]:
    """Means over the runs that say it."""
    said = [row.accuracy_by_class for row in setting.rows if row.accuracy_by_class]
    if not said:
        return {}
    return {label: sum(each[label] for each in said) / len(said) for label in said[0]}


def _per_setting(figure: go.Figure, rows: int, title: str, span: list[float]) -> go.Figure:
    figure.update_layout(showlegend=False, bargap=0.35)
    figure.update_xaxes(title=title, range=span)
    figure.update_yaxes(autorange="reversed")
    return styled(figure, height=100 + _ROW_HEIGHT * rows)
