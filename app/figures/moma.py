"""What a small MoMa does to a clip as plots and tables: by modulation, by reader, by order."""

from collections.abc import Sequence
from html import escape

import numpy as np
import plotly.graph_objects as go

from analysis.adaptation.mixing_cost import MixingCost
from app.figures.number_format import in_thousands, percent, significant, with_minus
from app.figures.plot_template import placeholder, styled
from app.moma_runs import MEASURES, MomaLook
from app.theme import ACCENT

_HEIGHT = 320
MEASURE_TITLES = {
    "scale": "Scale, mean |y1|",
    "bias": "Bias, |y2| / |x|",
    "turn": "Turn, 1 \N{MINUS SIGN} cosine",
}
_MEASURE_COLORS = {"scale": "#0072B2", "bias": "#E69F00", "turn": "#009E73"}
COST_TITLES = {
    "full": "Attention over all frames",
    "per_frame": "Attention in each frame",
    "divide": "Divide: attention in windows",
    "modulate": "Modulate: the scans",
}
_COST_COLORS = {
    "full": "#D55E00",
    "per_frame": "#E69F00",
    "divide": "#56B4E9",
    "modulate": ACCENT,
}


def layers_figure(look: MomaLook | None) -> go.Figure:
    """The mean over all tokens of each measure, modulation by modulation."""
    if look is None or not look.layers:
        return placeholder("How strong each modulation is, drawn once the clip was read.")
    figure = go.Figure()
    numbers = list(range(1, len(look.layers) + 1))
    for name in MEASURES:
        values = [layer[name] for layer in look.layers]
        if any(one is None for one in values):
            continue
        means = [float(np.mean(one)) for one in values]
        figure.add_scatter(
            name=MEASURE_TITLES[name],
            x=numbers,
            y=means,
            mode="lines+markers",
            line={"color": _MEASURE_COLORS[name]},
            customdata=[significant(mean) for mean in means],
            hovertemplate="modulation %{x}: %{customdata}<extra></extra>",
        )
    figure.update_xaxes(title="modulation", dtick=1)
    figure.update_yaxes(title="mean over tokens", rangemode="tozero", nticks=6)
    return _with_legend(styled(figure, height=_HEIGHT))


def shuffle_figure(look: MomaLook | None) -> go.Figure:
    """How far the clip's embedding moves in every order, of MoMa and of the frozen tower."""
    if look is None or look.shuffle is None:
        return placeholder("How far the embedding moves when frames change places.")
    names = ["back", *(str(n) for n in range(1, len(look.shuffle["orders"])))]
    figure = go.Figure()
    series = (
        ("MoMa", "cosine", ACCENT),
        ("The frozen tower, mean over frames", "frozen_cosine", "#7F7F7F"),
    )
    for title, key, color in series:
        moved = [max(0.0, 1 - cosine) for cosine in look.shuffle[key]]
        figure.add_bar(
            name=title,
            x=names,
            y=moved,
            marker={"color": color},
            customdata=[
                f"{title}, frames {' '.join(str(frame + 1) for frame in order)}: {small(value)}"
                for order, value in zip(look.shuffle["orders"], moved, strict=True)
            ],
            hovertemplate="%{customdata}<extra></extra>",
        )
    figure.update_layout(barmode="group")
    figure.update_xaxes(title="reversed (back), and shuffled", type="category", tickangle=0)
    figure.update_yaxes(
        title="1 \N{MINUS SIGN} cosine with the real order",
        rangemode="tozero",
        exponentformat="power",
        nticks=6,
    )
    return _with_legend(styled(figure, height=_HEIGHT))


def mixing_figure(costs: Sequence[MixingCost]) -> go.Figure:
    """A line for each way to let tokens hear of each other, over frames, on logarithmic axes."""
    figure = go.Figure()
    frames = [cost.frames for cost in costs]
    for name, title in COST_TITLES.items():
        values = [getattr(cost, name) for cost in costs]
        figure.add_scatter(
            name=title,
            x=frames,
            y=values,
            mode="lines+markers",
            line={"color": _COST_COLORS[name]},
            customdata=[
                f"{title}, {count} frames: {in_thousands(value)} multiply-adds"
                for count, value in zip(frames, values, strict=True)
            ],
            hovertemplate="%{customdata}<extra></extra>",
        )
    figure.update_xaxes(type="log", title="frames", tickvals=frames)
    figure.update_yaxes(
        type="log", title="multiply-adds", exponentformat="SI", dtick=1, minor_showgrid=False
    )
    return _with_legend(styled(figure, height=_HEIGHT))


def answers_view(look: MomaLook | None) -> str:
    """A table with what every reader of the clip says; rows of the right size before there is."""
    rows = "".join(_row(answer) for answer in look.answers) if look else 3 * _row(None)
    return (
        '<div class="outcome adapter-answers"><table><thead><tr><th scope="col">Reader</th>'
        '<th scope="col">Says</th><th scope="col">With</th><th scope="col" title="Of its embedding '
        "of the clip with the frozen tower's\">Cosine with the tower</th></tr></thead><tbody>"
        f"{rows}</tbody></table></div>"
    )


def small(value: float) -> str:
    """A number that may be tiny: in three digits, or as less than a thousand-millionth."""
    return (
        "<10\N{SUPERSCRIPT MINUS}\N{SUPERSCRIPT NINE}" if 0 < value < 1e-9 else significant(value)
    )


def _row(answer: dict | None) -> str:
    if answer is None:
        return f'<tr><th scope="row">&nbsp;</th>{"<td></td>" * 3}</tr>'
    return (
        f'<tr><th scope="row" title="{escape(answer["reader"])}">{escape(answer["reader"])}</th>'
        f'<td data-name="Says">{escape(answer["label"])}</td>'
        f'<td data-name="With">{percent(answer["probability"])}</td>'
        f'<td data-name="Cosine">{with_minus(answer["cosine"])}</td></tr>'
    )


def _with_legend(figure: go.Figure) -> go.Figure:
    """The legend in rows under the plot."""
    figure.update_layout(
        legend={"orientation": "h", "y": -0.25, "yanchor": "top", "x": 0, "font": {"size": 11}}
    )
    return figure
