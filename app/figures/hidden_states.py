"""Figures of one layer: evidence by frame, retention, half-lives, the state along the scan."""

import numpy as np
import plotly.graph_objects as go

from analysis.attribution.exact.token_map import TokenMap
from analysis.attribution.memory.layer_memory import LayerMemory, ScanMemory
from app.figures.evidence import frames_in_words
from app.figures.number_format import compact, percent, whole
from app.figures.plot_template import styled
from app.theme import SCAN_ORDER_NAMES

DIRECTION_COLORS = {"forward": "#6E6ADE", "backward": "#12998A"}
_DASHES = {"forward": "solid", "backward": "dash"}
_HEIGHT = 320
_MARK = "rgba(128, 130, 140, 0.8)"


def evidence_figure(evidence: TokenMap, tubelet: int) -> go.Figure:
    """Share of what the head reads, by source frame and direction; bars of a frame stand together.

    Shares are signed: what points away from the output counts against it.
    """
    grid, shares = evidence.grid, evidence.frame_shares
    names = [short_frames(step, tubelet) for step in range(grid.t)]
    words = [frames_in_words(step, step, tubelet) for step in range(grid.t)]
    if grid.class_tokens:
        names.append("CLS")
        words.append("the CLS token")
    shares = shares[:, : len(names)]
    figure = go.Figure()
    for row, direction in enumerate(DIRECTION_COLORS):
        figure.add_bar(
            name=direction.capitalize(),
            x=names,
            y=shares[row],
            marker={"color": DIRECTION_COLORS[direction], "line": {"width": 0}},
            customdata=[
                f"{percent_signed(share)} from {word}"
                for share, word in zip(shares[row], words, strict=True)
            ],
            hovertemplate=f"{direction.capitalize()} scan: %{{customdata}}<extra></extra>",
        )
    styled(figure, height=_HEIGHT)
    figure.update_layout(barmode="group", bargap=0.28, bargroupgap=0.06, **_legend())
    figure.update_yaxes(tickformat=".0%", zeroline=True, nticks=6)
    figure.update_xaxes(
        title_text="frames" if grid.t > 1 else "frame", showgrid=False, type="category"
    )
    return figure


def retention_figure(memory: LayerMemory, tubelet: int) -> go.Figure:
    """Mean share of the state left after so many scan steps, with a frame and the clip marked."""
    figure = go.Figure()
    for scan in memory.scans:
        after = scan.lags > 0
        figure.add_scatter(
            name=scan_name(scan, memory),
            x=scan.lags[after],
            y=scan.retention[after],
            mode="lines",
            line=_line(scan, memory),
            hovertemplate=(
                f"{scan_name(scan, memory)}: %{{y:.1%}} is left after %{{x}} tokens<extra></extra>"
            ),
        )
    styled(figure, height=_HEIGHT)
    figure.update_layout(**_legend())
    figure.update_xaxes(
        type="log",
        title_text="tokens back along the scan",
        dtick=1,
        range=[0, _log(memory.grid.length) + 0.06],
    )
    figure.update_yaxes(tickformat=".0%", range=[0, 1.04], nticks=6)
    figure.add_hline(0.5, line={"color": _MARK, "width": 1, "dash": "dot"})
    _mark_lengths(figure, memory, tubelet)
    return figure


def half_life_figure(memory: LayerMemory, tubelet: int) -> go.Figure:
    """Half-lives of each scan's states: middle half as a bar, the median as a point."""
    figure = go.Figure()
    for scan in memory.scans:
        low, middle, high = scan.half_life
        name = scan_name(scan, memory)
        color = DIRECTION_COLORS[scan.direction]
        figure.add_scatter(
            x=[low, high],
            y=[name, name],
            mode="lines",
            line={"color": color, "width": 12},
            opacity=0.35,
            hoverinfo="skip",
        )
        figure.add_scatter(
            x=[middle],
            y=[name],
            mode="markers",
            marker={"color": color, "size": 13, "line": {"width": 0}},
            hovertemplate=(
                f"{name}: half of the states lose half in less than {compact(middle)} tokens, the "
                f"middle half in {compact(low)} to {compact(high)}<extra></extra>"
            ),
        )
    styled(figure, height=_HEIGHT)
    figure.update_layout(showlegend=False)
    span = [scan.half_life for scan in memory.scans]
    least = min(min(low for low, _, _ in span), 1)
    most = max(max(high for _, _, high in span), memory.grid.length)
    figure.update_xaxes(
        type="log",
        title_text="half-life in tokens",
        dtick=1,
        range=[_log(least) - 0.1, _log(most) + 0.1],
    )
    figure.update_yaxes(showgrid=False, autorange="reversed")
    _mark_lengths(figure, memory, tubelet)
    return figure


def state_figure(memory: LayerMemory) -> go.Figure:
    """Norm of the state after each step, every scan from its own beginning."""
    figure = go.Figure()
    for scan in memory.scans:
        figure.add_scatter(
            name=scan_name(scan, memory),
            x=scan.steps + 1,
            y=scan.state_norm,
            mode="lines",
            line=_line(scan, memory),
            hovertemplate=f"{scan_name(scan, memory)}, step %{{x}}: norm %{{y:.3s}}<extra></extra>",
        )
    styled(figure, height=_HEIGHT)
    figure.update_layout(**_legend())
    figure.update_xaxes(title_text="step of the scan")
    figure.update_yaxes(rangemode="tozero", nticks=6)
    return figure


def scan_name(scan: ScanMemory, memory: LayerMemory) -> str:
    """Forward or Backward, with the token order where a direction reads several."""
    several = sum(one.direction == scan.direction for one in memory.scans) > 1
    order = f" {SCAN_ORDER_NAMES[scan.token_order].lower()}" if several else ""
    return f"{scan.direction.capitalize()}{order}"


def percent_signed(share: float) -> str:
    """A share that may point away, with a true minus sign."""
    return f"\N{MINUS SIGN}{percent(-share)}" if share < 0 else percent(share)


def short_frames(step: int, tubelet: int) -> str:
    """A time step as the numbers of its frames from 1."""
    first, last = step * tubelet + 1, (step + 1) * tubelet
    return str(first) if first == last else f"{first}\N{EN DASH}{last}"


def _line(scan: ScanMemory, memory: LayerMemory) -> dict:
    orders = [one.token_order for one in memory.scans if one.direction == scan.direction]
    width = 2.4 if orders.index(scan.token_order) == 0 else 1.4
    return {
        "color": DIRECTION_COLORS[scan.direction],
        "dash": _DASHES[scan.direction],
        "width": width,
    }


def _mark_lengths(figure: go.Figure, memory: LayerMemory, tubelet: int) -> None:
    """Upright lines at one time step along each kind of scan and at the whole clip."""
    step = "1 frame" if tubelet == 1 else f"{tubelet} frames"
    lengths = {scan.steps_per_frame for scan in memory.scans} - {None}
    marks = {length: step for length in lengths if length > 1}
    marks[memory.grid.length] = "clip" if memory.grid.t > 1 else "image"
    for length, words in marks.items():
        figure.add_vline(length, line={"color": _MARK, "width": 1, "dash": "dash"})
        figure.add_annotation(
            x=_log(length),
            y=1,
            yref="paper",
            yanchor="top",
            xanchor="right",
            text=f"{words}: {whole(length)}",
            textangle=-90,
            showarrow=False,
            font={"size": 11},
        )


def _log(value: float) -> float:
    return float(np.log10(value))


def _legend() -> dict:
    return {
        "showlegend": True,
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "xanchor": "left"},
    }
