"""The figures show the rows' own numbers, in the fixed colour of each order."""

import plotly.graph_objects as go
import pytest

from analysis.ops.scan_order import SCAN_ORDERS
from app.figures.scan_orders import (
    answers_figure,
    distance_figure,
    divergence_figure,
    reach_figure,
)
from app.theme import SCAN_ORDER_COLORS, SCAN_ORDER_NAMES

FIGURES = (answers_figure, divergence_figure, distance_figure, reach_figure)


def test_answers_are_the_trained_orders_classes_in_every_order(measured):
    figure = answers_figure(measured())
    assert [list(trace.y) for trace in figure.data] == [["pan left", "pan right", "static"]] * 3
    assert [list(trace.x) for trace in figure.data] == [
        [0.8, 0.15, 0.05],
        [0.2, 0.5, 0.3],
        [0.7, 0.2, 0.1],
    ]


@pytest.mark.parametrize("draw", [answers_figure, divergence_figure])
def test_each_order_has_its_own_colour_and_a_hover_sentence(measured, draw):
    rows = measured()
    for row, trace in zip(rows, draw(rows).data, strict=True):
        assert trace.marker.color == SCAN_ORDER_COLORS[row["scan_order"]]
        assert SCAN_ORDER_NAMES[row["scan_order"]] in trace.hovertemplate
        assert row["relation"] in trace.hovertemplate


def test_divergence_stands_against_time_and_marks_the_trained_order(measured):
    traces = divergence_figure(measured()).data
    assert [(trace.x[0], trace.y[0]) for trace in traces] == [(1.0, 0.0), (1.1, 0.31), (1.9, 0.02)]
    assert [trace.marker.symbol for trace in traces] == ["star", "circle", "circle"]


def marks(figure: go.Figure) -> set[tuple[str, str, float]]:
    return {
        (trace.marker.symbol, order, value)
        for trace in figure.data
        if trace.showlegend is False
        for order, value in zip(trace.y, trace.x, strict=True)
    }


def test_distances_show_every_kind_of_layer(planned):
    shown = marks(distance_figure(planned(["spatial_first", "alternating"])))
    assert shown == {
        ("circle", "Spatial first", 4.5),
        ("diamond", "Spatial first", 64),
        ("circle", "Alternating", 4.5),
        ("diamond", "Alternating", 64),
        ("circle", "Alternating", 18),
        ("diamond", "Alternating", 1),
    }


def test_reach_leaves_out_what_an_image_does_not_have(planned):
    shown = marks(reach_figure(planned(["spatial_first"], num_frames=2)))
    assert shown == {("circle", "Spatial first", 0.5)}


@pytest.mark.parametrize("draw", FIGURES)
def test_figures_stand_before_any_result_and_keep_their_height(draw, planned, measured):
    heights = {draw(rows).layout.height for rows in ([], planned(SCAN_ORDERS), measured())}
    assert len(heights) == 1


@pytest.mark.parametrize("draw", [answers_figure, divergence_figure])
def test_orders_not_run_yet_have_no_mark(draw, planned, measured):
    rows = measured(["spatial_first"]) + planned(["alternating"])
    assert [trace.name for trace in draw(rows).data] == ["Spatial first"]
