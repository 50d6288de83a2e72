"""Curves, tables and sentences of the Cost tab, from a sweep whose law is known."""

import pytest

from analysis.profiling.sweep.planner import plans
from analysis.profiling.sweep.summary import summarise
from app.components.cost_table import cost_table, growth_table, plan_table
from app.figures.cost_curves import (
    AXES,
    MEASURES,
    architecture_name,
    cost_figure,
    ratio_figure,
    short_label,
)
from app.figures.cost_sentences import (
    conditions,
    growth_sentence,
    plan_sentence,
    ratio_sentence,
)
from app.theme import FAMILY_COLORS, model_color
from tests.app.cost.conftest import JOINT, SCAN


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("axis", AXES)
def test_every_curve_is_drawn_over_every_axis(sweep, measure, axis):
    figure = cost_figure(sweep, measure, axis)
    named = [trace.name for trace in figure.data if trace.showlegend is not False]
    crosses = measure in ("latency_ms", "memory_bytes")
    expected = ["VideoMamba-Ti", "TimeSformer-Ti joint, softmax"]
    assert named == expected + (["out of memory or time"] if crosses else [])


def test_points_stand_where_they_were_measured(sweep):
    scan, joint, cross = cost_figure(sweep, "latency_ms").data
    assert list(scan.x) == [197, 393, 785]
    assert scan.y[0] == pytest.approx(2 * 197 / 200)
    assert scan.error_y.array[0] == pytest.approx(0.08 * scan.y[0])
    assert list(joint.x) == [197, 393]
    assert list(cross.x) == [785]
    assert cross.y[0] > max(*scan.y, *joint.y)
    assert "memory <ran> out" in cross.customdata[0]


def test_no_sweep_is_an_empty_plot_that_says_so():
    for measure in MEASURES:
        assert "appear here" in cost_figure(None, measure).layout.annotations[0].text
    assert ratio_figure(None, "latency_ms", 12545).layout.annotations


def test_ratios_stand_beside_the_papers_mark(sweep):
    peer, paper = ratio_figure(summarise(sweep), "memory_bytes", 12545).data
    assert list(peer.y) == pytest.approx([197 / 300, 393 / 300], rel=1e-5)
    assert (paper.x[0], paper.y[0]) == (12545, 40)


def test_sentences_carry_the_numbers(sweep):
    summary = summarise(sweep)
    words = growth_sentence(summary, "latency_ms")
    assert "least steeply for VideoMamba-Ti (tokens to the 1.00" in words
    assert "most steeply for TimeSformer-Ti joint, softmax (tokens to the 2.00" in words
    words = ratio_sentence(summary, "latency_ms")
    assert "At 8 frames of 112 px TimeSformer-Ti joint, softmax takes 1.97 times the time" in words
    assert "The paper states 6 times at 64 frames of 224 px" in words
    words = conditions(sweep)
    assert "1 threads of a pencil, torch 0" in words and "by hand" in words
    assert "at load 0.5" in words
    assert "needed" in growth_sentence(None, "memory_bytes")


def test_tables_have_a_row_per_point_and_per_curve_and_escape_what_they_show(sweep):
    table = cost_table(sweep)
    assert table.count("<tr") - 1 == 6
    assert "memory &lt;ran&gt; out" in table and "<ran>" not in table
    growth = growth_table(summarise(sweep))
    assert growth.count("<tr") - 1 == 2
    assert "200" in growth, "2 L/200 and 2 (L/200)^2 meet at 200 tokens"
    assert "appear here" in cost_table(None)
    assert "Two sizes" in growth_table(None)


def test_plans_say_what_fits(sweep):
    found = plans(sweep, 10e6, 112, frames=64)
    table = plan_table(found)
    assert "too large" in table
    words = plan_sentence(found, True, 10e6)
    assert words.startswith("No model holds 64 frames of 112 px in 10.0")
    assert "beyond twice what was measured" in words
    words = plan_sentence(plans(sweep, 10e6, 112), False, 10e6)
    assert words.startswith("VideoMamba-Ti holds ")
    assert "at least two measured sizes" in plan_sentence((), True, 1e9)


def test_names_and_colours_follow_the_family():
    assert architecture_name("timesformer_base_divided") == "TimeSformer-B divided"
    assert architecture_name("vit_small") == "ViT-S"
    assert architecture_name("moma_b16") == "MoMa-B/16"
    assert architecture_name("timesformer_l14_divided") == "TimeSformer-L/14 divided"
    assert architecture_name("mamba_adaptor_b2_wide") == "Mamba-Adaptor-b2 wide"
    assert architecture_name("videomamba_adaptor_tiny") == "VideoMamba-Ti with adaptors"
    assert model_color("videomamba_adaptor_tiny") == model_color("mamba_adaptor_b1")
    assert short_label(SCAN) == "VideoMamba-Ti"
    assert short_label(JOINT) == "TimeSformer-Ti joint, softmax"
    assert model_color("vivit_tiny_factorised") == FAMILY_COLORS["vivit_factorised"]
    assert model_color("vit_tiny") == FAMILY_COLORS["vit"]
    assert len(set(FAMILY_COLORS.values())) == len(FAMILY_COLORS)
