"""The look of live plots, against the same look given step by step."""

import plotly.graph_objects as go

from app.figures.plot_template import placeholder, styled


def test_a_placeholder_is_a_styled_figure_without_axes():
    figure = go.Figure()
    figure.add_annotation(
        text="Answers appear here, one colour per scan<br>order.",
        showarrow=False,
        x=0.5,
        y=0.5,
        xref="paper",
        yref="paper",
        font={"size": 13},
    )
    styled(figure, height=320)
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    shown = placeholder("Answers appear here, one colour per scan order.")
    assert shown.to_plotly_json() == figure.to_plotly_json()


def test_placeholders_do_not_change_each_other():
    first = placeholder("one")
    first.update_xaxes(visible=True, gridcolor="red")
    first.layout.font.size = 40
    second = placeholder("two")
    assert second.layout.xaxis.gridcolor == second.layout.yaxis.gridcolor != "red"
    assert (second.layout.font.size, second.layout.yaxis.visible) == (12, False)
