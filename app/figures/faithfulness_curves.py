"""Deletion and insertion: how the probability follows each ranking, its reverse and chance."""

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from app.figures.map_card import method_color
from app.figures.number_format import percent, share
from app.figures.plot_template import placeholder, styled

CurveRow = dict[str, Any]

_RANDOM = "#85878F"
_ASK = "Press Measure"


def curve_figure(rows: Sequence[CurveRow], kind: str) -> go.Figure:
    """One line per method with its reverse dotted, and random rankings in grey."""
    own = [row for row in rows if row["kind"] == kind]
    if not own:
        return placeholder(_ASK)
    figure = go.Figure()
    for row in own:
        color = method_color(row["method"])
        figure.add_trace(_line(row, "most_first", row["title"], color, "solid"))
    for row in own:
        color = method_color(row["method"])
        figure.add_trace(_line(row, "least_first", f"{row['title']}, reversed", color, "dot"))
    longest = max(own, key=lambda row: len(row["shares"]))
    figure.add_trace(_line(longest, "random", "random order", _RANDOM, "dash"))
    verb = "taken away" if kind == "deletion" else "put back"
    figure.update_xaxes(title=f"share of the clip {verb}", tickformat=".0%", range=[-0.01, 1.01])
    figure.update_yaxes(
        title=f"probability of {own[0]['label']}", tickformat=".3~p", rangemode="tozero"
    )
    figure.update_layout(
        legend={"orientation": "h", "y": -0.24, "x": 0, "font": {"size": 11}},
        hovermode="closest",
    )
    figure.update_xaxes(title_font_size=12)
    figure.update_yaxes(title_font_size=12)
    figure = styled(figure, height=320)
    figure.update_layout(margin={"t": 10})
    return figure


def _line(row: CurveRow, curve: str, name: str, color: str, dash: str) -> go.Scatter:
    verb = "removed" if row["kind"] == "deletion" else "put back"
    shown = curve != "least_first"
    return go.Scatter(
        x=row["shares"],
        y=row[curve],
        name=name,
        mode="lines",
        opacity=1 if shown else 0.75,
        showlegend=shown,
        line={"color": color, "dash": dash, "width": 2 if curve == "most_first" else 1.5},
        hovertemplate=f"{name}: %{{y:.1%}} with %{{x:.0%}} {verb}<extra></extra>",
    )


def curves_sentence(rows: Sequence[CurveRow]) -> str:
    """Which ranking finds what matters soonest, against chance."""
    own = [row for row in rows if row["kind"] == "deletion" and row["complete"]]
    if not own:
        return (
            "A faithful map names what the answer hangs on: take that away first and the "
            "probability falls sooner than at random (deletion), put it back first and it rises "
            "sooner (insertion)."
        )
    best = min(own, key=lambda row: row["auc"])
    words = [f"{best['title']} finds what {best['label']} hangs on best here: {_fall(best)}."]
    worst = max(own, key=lambda row: row["auc"])
    beaten = [row["title"] for row in own if row["auc"] >= row["random_auc"]]
    if beaten:
        words.append(
            f"{', '.join(beaten)} {'does' if len(beaten) == 1 else 'do'} no better than a random "
            "order on this clip."
        )
    elif worst is not best:
        words.append(f"{worst['title']} comes last, still ahead of a random order.")
    words.append("Solid: the ranking; dotted: its reverse; grey: random orders.")
    return " ".join(words)


def _fall(row: CurveRow) -> str:
    start = row["most_first"][0]
    own, chance = (_half(row["shares"], row[name], start) for name in ("most_first", "random"))
    if own is None:
        return f"its probability stays above half of {percent(start)}"
    by_chance = "never does at random" if chance is None else f"at random after {share(chance)}"
    return f"its probability halves after {share(own)} of the clip, {by_chance}"


def _half(shares: Sequence[float], scores: Sequence[float], start: float) -> float | None:
    """The share of the clip after which half of the first score is gone."""
    for at, score in zip(shares, scores, strict=True):
        if score <= start / 2:
            return float(f"{at:.2g}")
    return None
