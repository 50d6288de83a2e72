"""What masks do to the answer and what they save, as curves over the share that is hidden."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import plotly.graph_objects as go

from analysis.masking.effect_summary import EffectSummary
from app.figures.number_format import data_size, duration, percent, share, with_minus
from app.figures.plot_template import placeholder, styled
from app.mask_effect_runs import EffectCurves
from app.theme import ACCENT, STRATEGY_COLORS, STRATEGY_NAMES

HEIGHT = 380
_COST_COLORS = {"tokens": "#7F7F7F", "time": ACCENT, "memory": "#009E73"}


class Effect(NamedTuple):
    """What stands on the vertical axis: its title, its value without a mask, its form."""

    title: str
    whole: Callable[[EffectCurves], float]
    written: Callable[[float], str]
    percents: bool


EFFECTS = {
    "probability": Effect(
        "Probability of the whole clip's answer", lambda curves: curves.probability, percent, True
    ),
    "same_answer": Effect("Draws with the same answer", lambda curves: 1.0, percent, True),
    "readout_similarity": Effect(
        "Similarity of what the classifier is given", lambda curves: 1.0, with_minus, False
    ),
}


def effect_figure(curves: EffectCurves | None, name: str, chosen: str | None = None) -> go.Figure:
    """A line per strategy from the unmasked clip on; the chosen one thicker, with its band."""
    effect = EFFECTS[name]
    if curves is None or not curves.points:
        return placeholder(f"{effect.title}: a line per strategy, drawn as it is measured.")
    figure = go.Figure()
    whole = effect.whole(curves)
    for strategy in curves.question.strategies:
        points = curves.of(strategy)
        if points:
            _add_band(figure, points, name, whole, strategy == chosen)
            figure.add_trace(_line(points, name, whole, strategy == chosen))
    figure.add_hline(y=whole, line={"color": "rgba(128, 130, 140, 0.6)", "width": 1, "dash": "dot"})
    figure.update_xaxes(title="share hidden", tickformat=".0%", range=[-0.02, 0.97], nticks=6)
    lowest = min(getattr(point, name).low or 0.0 for point in curves.points)
    figure.update_yaxes(
        range=[min(0.0, 1.05 * lowest) - 0.02, 1.04],
        tickformat=".0%" if effect.percents else ".1f",
        nticks=6,
    )
    return _with_legend(styled(figure, height=HEIGHT))


def saving_figure(curves: EffectCurves | None) -> go.Figure:
    """Tokens, time and memory of a masked pass as shares of the whole one's."""
    if curves is None or not curves.costs:
        return placeholder("Tokens, time and memory of masked passes, measured last.")
    costs = sorted(curves.costs, key=lambda cost: cost.real_ratio)
    first = costs[0]
    series = {
        "tokens": [
            (cost.tokens / first.tokens, f"{cost.tokens} tokens of {first.tokens}")
            for cost in costs
        ],
        "time": [(cost.relative_latency, duration(cost.latency_ms)) for cost in costs],
        "memory": [
            (cost.memory_bytes / first.memory_bytes, data_size(cost.memory_bytes)) for cost in costs
        ]
        if first.memory_bytes and all(cost.memory_bytes is not None for cost in costs)
        else [],
    }
    figure = go.Figure()
    for name, values in series.items():
        if values:
            figure.add_scatter(
                name=name.capitalize(),
                x=[cost.real_ratio for cost in costs],
                y=[value for value, _ in values],
                mode="lines+markers",
                line={"color": _COST_COLORS[name], "dash": "dot" if name == "tokens" else "solid"},
                customdata=[
                    f"{share(round(cost.real_ratio, 3))} hidden: {words}, "
                    f"{share(round(value, 3))} of the whole pass"
                    for cost, (value, words) in zip(costs, values, strict=True)
                ],
                hovertemplate="%{customdata}<extra></extra>",
            )
    figure.update_xaxes(title="share hidden", tickformat=".0%", range=[-0.02, 0.97], nticks=6)
    figure.update_yaxes(title="of the whole pass", tickformat=".0%", rangemode="tozero", nticks=6)
    return _with_legend(styled(figure, height=HEIGHT))


def _line(points: Sequence[EffectSummary], name: str, whole: float, chosen: bool) -> go.Scatter:
    strategy, effect = points[0].strategy, EFFECTS[name]
    values = [getattr(point, name) for point in points]
    words = [
        f"{STRATEGY_NAMES[strategy]}, {share(round(point.real_ratio, 3))} hidden: "
        f"{effect.written(value.mean)}"
        + ("" if value.low is None else f" ({_ends(effect, value)})")
        for point, value in zip(points, values, strict=True)
    ]
    return go.Scatter(
        name=STRATEGY_NAMES[strategy],
        legendgroup=strategy,
        x=[0.0, *(point.real_ratio for point in points)],
        y=[whole, *(value.mean for value in values)],
        mode="lines+markers",
        zorder=int(chosen),
        line={"color": STRATEGY_COLORS[strategy], "width": 3.5 if chosen else 1.5},
        marker={"size": 8 if chosen else 5},
        customdata=[f"The whole clip: {effect.written(whole)}", *words],
        hovertemplate="%{customdata}<extra></extra>",
    )


def _ends(effect: Effect, value) -> str:
    return f"{effect.written(value.low)} to {effect.written(value.high)}"


def _add_band(
    figure: go.Figure, points: Sequence[EffectSummary], name: str, whole: float, chosen: bool
) -> None:
    """The 95 % interval as an area, stronger for the chosen strategy."""
    values = [getattr(point, name) for point in points]
    if any(value.low is None for value in values):
        return
    x = [0.0, *(point.real_ratio for point in points)]
    high = [whole, *(value.high for value in values)]
    low = [whole, *(value.low for value in values)]
    strategy = points[0].strategy
    figure.add_scatter(
        legendgroup=strategy,
        x=[*x, *reversed(x)],
        y=[*high, *reversed(low)],
        fill="toself",
        fillcolor=STRATEGY_COLORS[strategy],
        opacity=0.22 if chosen else 0.05,
        line={"width": 0},
        mode="lines",
        hoverinfo="skip",
        showlegend=False,
    )


def _with_legend(figure: go.Figure) -> go.Figure:
    """The legend in rows under the plot."""
    figure.update_layout(
        legend={"orientation": "h", "y": -0.2, "yanchor": "top", "x": 0, "font": {"size": 11}}
    )
    return figure
