"""Still plots: marks lie where the numbers are."""

import re

import plotly.graph_objects as go
import pytest

from app.figures.plot_template import styled
from app.figures.static_plot import static_plot


def line_plot(x, y, **axis) -> str:
    line = {"color": "#123456", "width": 2, "dash": "dot"}
    figure = styled(go.Figure([go.Scatter(x=x, y=y, name="<b>&", mode="lines", line=line)]))
    figure.update_xaxes(**axis)
    return static_plot(figure, 'a "label"')


def points(svg: str) -> list[tuple[float, float]]:
    listed = re.search(r'points="([^"]+)"', svg)[1]
    return [tuple(map(float, pair.split(","))) for pair in listed.split()]


@pytest.mark.parametrize(
    ("x", "axis"),
    [([0, 1, 2], {}), ([1, 10, 100], {"type": "log", "range": [0, 2]})],
    ids=["linear", "powers of ten"],
)
def test_lines_go_through_their_points(x, axis):
    (x0, y0), (x1, y1), (x2, y2) = points(line_plot(x, [0.0, 0.25, 1.0], **axis))
    assert x1 - x0 == pytest.approx(x2 - x1, abs=0.2) and x2 > x0
    assert (y0 - y1) / (y0 - y2) == pytest.approx(0.25, abs=0.01) and y2 < y0


def test_words_are_text_and_dashes_are_drawn():
    svg = line_plot([0, 1], [0, 1], title="share <i>")
    assert "&lt;b&gt;&amp;" in svg and "share &lt;i&gt;" in svg and "a &quot;label&quot;" in svg
    assert "<b>" not in svg and 'stroke-dasharray="2 3"' in svg and "#123456" in svg


def test_bars_stand_on_zero_and_reach_their_values():
    bars = [
        go.Bar(name="up", x=["1", "2"], y=[0.2, 0.4], marker_color="#111111"),
        go.Bar(name="down", x=["1", "2"], y=[-0.1, 0.0], marker_color="#222222"),
    ]
    figure = styled(go.Figure(bars))
    figure.update_yaxes(tickformat=".0%")
    svg = static_plot(figure, "bars")
    found = re.findall(r'<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"', svg)
    boxes = [tuple(map(float, box)) for box in found]
    heights = [height for *_, height in boxes]
    assert heights[1] == pytest.approx(2 * heights[0], abs=0.2)
    assert heights[2] == pytest.approx(heights[0] / 2, abs=0.2) and heights[3] == 0
    foot = boxes[0][1] + heights[0]
    assert foot == pytest.approx(boxes[1][1] + heights[1], abs=0.2) == pytest.approx(boxes[2][1])
    assert boxes[0][0] + boxes[0][2] <= boxes[2][0], "bars of a group stand beside each other"
    assert re.search(r'class="rule zero"', svg) and "40" in svg


def test_marks_and_their_words_stand_where_plotly_has_them():
    figure = go.Figure([go.Scatter(x=[1, 100], y=[0, 1], line={"color": "red", "width": 1})])
    styled(figure).update_xaxes(type="log", range=[0, 2])
    figure.add_vline(10, line={"color": "grey", "width": 1, "dash": "dash"})
    figure.add_annotation(x=1, y=1, yref="paper", text="frame: 10", showarrow=False)
    svg = static_plot(figure, "marks")
    (start, _), (end, _) = points(svg)
    x1, x2 = map(
        float, re.search(r'<line x1="([\d.]+)"[^>]* x2="([\d.]+)"[^>]*class="mark"', svg).groups()
    )
    assert x1 == x2 == pytest.approx((start + end) / 2, abs=0.2) and "frame: 10" in svg


def test_an_upright_axis_of_powers_leaves_out_what_it_does_not_reach():
    figure = go.Figure([go.Scatter(x=[1, 2, 3, 4, 5], y=[1.0, 0.01, float("nan"), 1e-9, 1e-6])])
    figure.update_yaxes(type="log", range=[-6, 0])
    figure.update_xaxes(dtick=2)
    svg = static_plot(styled(figure), "powers")
    (x0, y0), (x1, y1), (x4, y4) = points(svg)
    assert (y1 - y0) / (y4 - y0) == pytest.approx(2 / 6, abs=0.01)
    assert (x1 - x0) / (x4 - x0) == pytest.approx(1 / 4, abs=0.01)
    assert "10\u207b\u2076" in svg and ">0.01<" in svg and 'stroke-width="2"' in svg
    assert ">3<" in svg and ">2<" not in svg


def test_small_numbers_are_written_by_their_powers():
    svg = line_plot([0, 1], [0.0, 2e-5])
    assert ">2\N{MULTIPLICATION SIGN}10\u207b\u2075<" in svg and ">10\u207b\u2075<" in svg
    assert ">0<" in svg and "0.0000" not in svg
