"""The toy's figure and chapters say the walk's own numbers."""

import re

import pytest

from analysis.attribution.toy_walk import ToySetting, toy_walk
from app.figures.toy import ORDER, PARTS, STATE, toy_figure
from app.figures.toy_chapters import CHAPTERS, half_life_steps


def test_the_sum_on_show_is_the_recurrence():
    walk = toy_walk(ToySetting(kept_empty=0.9, kept_ball=0.5))
    html = toy_figure(walk, 13, STATE)
    kept, before, size, given, after = map(
        float,
        re.search(
            r"= ([\d.]+) &times; ([\d.]+) \+ ([\d.]+) &times; (\d) = <b>([\d.]+)", html
        ).groups(),
    )
    assert (kept, given) == (0.5, 1)
    assert kept * before + size * given == pytest.approx(after, abs=1e-3)
    assert after == pytest.approx(walk.states[13], abs=5e-4)


def test_the_parts_on_show_add_up():
    walk = toy_walk(ToySetting(kept_empty=0.9, kept_ball=0.5))
    html = toy_figure(walk, 23, PARTS)
    terms = re.search(r"y\(24\) = ([\d. +]+) = <b>([\d.]+)</b>", html)
    assert sum(map(float, terms[1].split(" + "))) == pytest.approx(float(terms[2]), abs=2e-3)
    assert terms[1].count("+") == 2


def test_cells_carry_the_step_they_are_read_at():
    walk = toy_walk(ToySetting("temporal_first"))
    html = toy_figure(walk, 0, ORDER)
    numbers = [int(number) for number in re.findall(r"<small>(\d+)</small></span>", html)]
    assert numbers[:9] == [1, 4, 7, 10, 13, 16, 19, 22, 25]
    assert html.count("toy-now") == 2  # a cell and a bar
    assert html.count("toy-later") == 26


def test_before_the_ball_there_is_nothing_to_add_up():
    walk = toy_walk(ToySetting())
    assert "y(1) = nothing = <b>0.000</b>" in toy_figure(walk, 0, PARTS)
    assert "no parts" in CHAPTERS[-1].told(walk, 0)


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.title)
def test_every_chapter_can_be_opened_at_its_beginning(chapter):
    walk = toy_walk(chapter.setting)
    assert len(chapter.told(walk, chapter.step)) > 80
    assert toy_figure(walk, chapter.step, chapter.view)


def test_a_half_life_by_hand():
    assert half_life_steps(0.5) == pytest.approx(1)
    assert half_life_steps(0.25) == pytest.approx(0.5)
    assert 0.9 ** half_life_steps(0.9) == pytest.approx(0.5)


def test_the_order_decides_how_far_apart_the_ball_is_seen():
    order = CHAPTERS[4]
    assert "takes 4 and 4 steps" in order.told(toy_walk(ToySetting("temporal_first")), 0)
    assert "takes 10 and 10 steps" in order.told(toy_walk(ToySetting("spatial_first")), 0)
