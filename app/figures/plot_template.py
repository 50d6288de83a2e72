"""One look for every live plot: margins, fonts and hover; colours of text follow the page."""

import textwrap

import plotly.graph_objects as go

_TEXT = "#737680"
_LINE = "rgba(128, 130, 140, 0.28)"
_FONT = "system-ui, -apple-system, Segoe UI, Roboto, Helvetica Neue, sans-serif"


def styled(figure: go.Figure, *, height: int = 320) -> go.Figure:
    """`figure` in the page's look, changed in place and given back.

    Paper and plot are transparent; assets/figures.css recolours text and lines in light and dark.
    """
    axis = {
        "gridcolor": _LINE,
        "zerolinecolor": _LINE,
        "linecolor": _LINE,
        "automargin": True,
        "title_standoff": 8,
        "fixedrange": True,
    }
    figure.update_layout(
        template="none",
        height=height,
        margin={"l": 8, "r": 12, "t": 30, "b": 8},
        paper_bgcolor="rgba(0, 0, 0, 0)",
        plot_bgcolor="rgba(0, 0, 0, 0)",
        font={"family": _FONT, "size": 12, "color": _TEXT},
        hoverlabel={"font": {"family": _FONT, "size": 12}, "align": "left"},
        dragmode=False,
    )
    figure.update_xaxes(**axis)
    figure.update_yaxes(**axis)
    return figure


def placeholder(words: str) -> go.Figure:
    """An empty plot of the usual height that says what will stand here."""
    figure = go.Figure()
    figure.add_annotation(
        text="<br>".join(textwrap.wrap(words, 40)),
        showarrow=False,
        x=0.5,
        y=0.5,
        xref="paper",
        yref="paper",
        font={"size": 13},
    )
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    return styled(figure, height=320)
