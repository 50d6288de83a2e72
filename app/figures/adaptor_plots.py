"""Memory of adaptors as plots: where places lie, what each layer takes, how it forgets."""

import numpy as np
import plotly.graph_objects as go

from app.adaptor_runs import Report
from app.figures.hidden_states import DIRECTION_COLORS
from app.figures.number_format import percent, significant
from app.figures.plot_template import placeholder, styled
from app.theme import ACCENT

_HEIGHT = 320
_BEHIND, _MARK = "#7F8794", "rgba(128, 130, 140, 0.8)"
_POWERS = 6
"""Most powers of ten that a forgetting curve is drawn over."""


def offsets_figure(look: Report) -> go.Figure:
    """Share of all places by their distance p - i along the scan, those ahead in another colour."""
    histogram = look["histogram"]
    if histogram is None:
        return placeholder("Without Adaptor-T there are no places to count.")
    edges, counts = (np.asarray(histogram[name], float) for name in ("edges", "counts"))
    middles, shares = (edges[:-1] + edges[1:]) / 2, counts / counts.sum()
    figure = go.Figure()
    figure.add_bar(
        x=middles,
        y=shares,
        width=np.diff(edges) * 0.92,
        marker={"color": [ACCENT if x > 0 else _BEHIND for x in middles], "line": {"width": 0}},
        customdata=[
            f"{percent(share)} of places lie {low:.0f} to {high:.0f} steps from their token"
            for low, high, share in zip(edges[:-1], edges[1:], shares, strict=True)
        ],
        hovertemplate="%{customdata}<extra></extra>",
    )
    styled(figure, height=_HEIGHT)
    figure.update_layout(showlegend=False)
    figure.update_xaxes(title_text="scan steps from the token: back \N{MIDDLE DOT} ahead")
    figure.update_yaxes(tickformat=".0%", nticks=6, rangemode="tozero")
    figure.add_vline(0, line={"color": _MARK, "width": 1, "dash": "dot"})
    return figure


def shares_figure(look: Report) -> go.Figure:
    """By layer, the mean of |y' - y| / |y| over tokens, of memory and of convolutions."""
    lines = (
        ("Memory, Adaptor-T", "memory", ACCENT),
        ("Convolutions, Adaptor-S", "convolutions", "#E69F00"),
    )
    figure = _by_layer(look, lines)
    figure.update_yaxes(tickformat=".1~%", nticks=6, rangemode="tozero")
    return figure


def choices_figure(look: Report) -> go.Figure:
    """By layer, how evenly a token reads its places, and how many of them lie ahead."""
    if look["histogram"] is None:
        return placeholder("Without Adaptor-T nothing is chosen.")
    lines = (
        ("Entropy of coefficients, of the most", "entropy", "#009E73"),
        ("Share of places ahead", "ahead_share", "#CC79A7"),
    )
    figure = _by_layer(look, lines)
    figure.update_yaxes(tickformat=".0%", range=[0, 1.04], nticks=6)
    return figure


def forgetting_figure(curves: Report) -> go.Figure:
    """Mean |alpha| by distance without memory, dotted, and with it, a colour for each scan."""
    figure = go.Figure()
    drawn = []
    for scan in curves["scans"]:
        distances = np.asarray(scan["distances"])
        for name, key, dash, width in (
            ("without memory", "plain", "dot", 1.6),
            ("with memory", "with_memory", "solid", 2.2),
        ):
            values = np.asarray(scan[key])
            drawn.append(values[values > 0])
            figure.add_scatter(
                name=f"{scan['direction'].capitalize()}, {name}",
                x=distances,
                y=np.where(values > 0, values, np.nan),
                mode="lines",
                line={"color": DIRECTION_COLORS[scan["direction"]], "dash": dash, "width": width},
                hovertemplate=(
                    f"{scan['direction'].capitalize()} scan, {name}, %{{x}} steps back: "
                    "%{y:.2e}<extra></extra>"
                ),
            )
    styled(figure, height=_HEIGHT + 40)
    amounts = np.log10(np.concatenate(drawn))
    top = float(amounts.max(initial=-300))
    low = max(top - _POWERS, float(amounts.min(initial=top)))
    figure.update_yaxes(type="log", range=[low - 0.2, top + 0.2], dtick=1, exponentformat="power")
    figure.update_xaxes(title_text="steps ahead (below 0) \N{MIDDLE DOT} back to the source")
    figure.add_vline(0, line={"color": _MARK, "width": 1, "dash": "dot"})
    return _with_legend(figure)


def _by_layer(look: Report, lines: tuple[tuple[str, str, str], ...]) -> go.Figure:
    figure = go.Figure()
    numbers = list(range(1, look["layers"] + 1))
    for name, key, color in lines:
        values = [layer[key] for layer in look["by_layer"]]
        figure.add_scatter(
            name=name,
            x=numbers,
            y=values,
            mode="lines+markers",
            line={"color": color},
            customdata=[significant(100 * value) for value in values],
            hovertemplate=f"{name}, layer %{{x}}: %{{customdata}} %<extra></extra>",
        )
    styled(figure, height=_HEIGHT)
    figure.update_xaxes(title_text="layer", dtick=1)
    figure.add_vline(look["layer"], line={"color": _MARK, "width": 1, "dash": "dash"})
    return _with_legend(figure)


def _with_legend(figure: go.Figure) -> go.Figure:
    figure.update_layout(
        showlegend=True,
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "xanchor": "left"},
    )
    return figure
