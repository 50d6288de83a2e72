"""One look for every live plot: margins, fonts and hover; colours of text follow the page."""

import textwrap

import plotly.graph_objects as go

_TEXT = "#737680"
_LINE = "rgba(128, 130, 140, 0.28)"
_FONT = "system-ui, -apple-system, Segoe UI, Roboto, Helvetica Neue, sans-serif"
_AXIS = {
    "gridcolor": _LINE,
    "zerolinecolor": _LINE,
    "linecolor": _LINE,
    "automargin": True,
    "title_standoff": 8,
    "fixedrange": True,
}
_LAYOUT = {
    "template": "none",
    "margin": {"l": 8, "r": 12, "t": 30, "b": 8},
    "paper_bgcolor": "rgba(0, 0, 0, 0)",
    "plot_bgcolor": "rgba(0, 0, 0, 0)",
    "font": {"family": _FONT, "size": 12, "color": _TEXT},
    "hoverlabel": {"font": {"family": _FONT, "size": 12}, "align": "left"},
    "dragmode": False,
}


def styled(figure: go.Figure, *, height: int = 320) -> go.Figure:
    """`figure` in the page's look, changed in place and given back.

    Paper and plot are transparent; assets/figures.css recolours text and lines in light and dark.
    """
    figure.update_layout(height=height, **_LAYOUT)
    figure.update_xaxes(**_AXIS)
    figure.update_yaxes(**_AXIS)
    return figure


def placeholder(words: str) -> go.Figure:
    """An empty plot of the usual height that says what will stand here.

    Made in one piece: the page opens with dozens, and plotly takes several times as long to change
    a figure step by step.
    """
    hidden = {**_AXIS, "visible": False}
    said = {
        "text": "<br>".join(textwrap.wrap(words, 40)),
        "showarrow": False,
        "x": 0.5,
        "y": 0.5,
        "xref": "paper",
        "yref": "paper",
        "font": {"size": 13},
    }
    layout = {**_LAYOUT, "height": 320, "annotations": [said], "xaxis": hidden, "yaxis": hidden}
    return go.Figure(layout=layout)
