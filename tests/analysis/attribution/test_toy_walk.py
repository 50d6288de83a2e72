"""The toy's numbers, worked by hand and by a plain loop."""

import math

import pytest

from analysis.attribution.toy_walk import BALL, ToySetting, toy_walk
from analysis.ops.scan_order import TOKEN_ORDERS


def test_by_hand():
    walk = toy_walk(ToySetting(kept_empty=0.9, kept_ball=0.5))
    written = math.log(2)  # dt x 1 where dt = -ln 0.5
    assert walk.states[:3] == (0.0, 0.0, 0.0)
    assert walk.states[3] == pytest.approx(written)
    assert walk.states[4] == pytest.approx(0.9 * written)
    assert walk.states[12] == pytest.approx(0.9**9 * written)
    # The ball halves what was there and writes as much as before.
    assert walk.states[13] == pytest.approx(0.5 * 0.9**9 * written + written)
    first, second, third = BALL
    assert walk.parts[third][third] == pytest.approx(written)
    assert walk.parts[third][second] == pytest.approx(0.5 * 0.9**9 * written)
    assert walk.parts[third][first] == pytest.approx(0.5 * 0.9**9 * 0.5 * 0.9**9 * written)
    assert walk.outputs[third] == pytest.approx(sum(walk.parts[third]))


@pytest.mark.parametrize("direction", ["forward", "backward"])
@pytest.mark.parametrize("order", TOKEN_ORDERS)
def test_a_plain_loop_gives_the_same(order, direction):
    walk = toy_walk(ToySetting(order, direction, kept_empty=0.99, kept_ball=0.25))
    state = 0.0
    for step, token in enumerate(walk.positions):
        kept = 0.25 if token in BALL else 0.99
        state = kept * state - math.log(kept) * (token in BALL)
        assert walk.states[step] == pytest.approx(state, rel=1e-12)
        assert walk.outputs[token] == pytest.approx(state, rel=1e-12)
        assert walk.steps[token] == step
    assert sorted(walk.positions) == list(range(27))
    assert walk.completeness_error < 1e-14


def test_nothing_comes_from_what_is_read_later():
    for direction in ("forward", "backward"):
        walk = toy_walk(ToySetting("temporal_first", direction))
        for receiver, parts in enumerate(walk.parts):
            for source, part in enumerate(parts):
                if walk.steps[source] > walk.steps[receiver] or source not in BALL:
                    assert part == 0.0


def test_backward_reads_the_same_path_from_its_end():
    forward, backward = (toy_walk(ToySetting(direction=d)) for d in ("forward", "backward"))
    assert backward.positions == forward.positions[::-1]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"kept_ball": 1.0}, "kept_ball is 1.0; choose a share above 0 and below 1"),
        ({"direction": "sideways"}, "choose forward or backward"),
        ({"token_order": "zigzag"}, "zigzag"),
    ],
)
def test_impossible_settings_are_one_sentence(fields, message):
    with pytest.raises(ValueError, match=message):
        toy_walk(ToySetting(**fields))
