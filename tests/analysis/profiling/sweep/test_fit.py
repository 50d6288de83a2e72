"""Slopes, crossings and ratios found again in curves whose law is known."""

import numpy as np
import pytest

from analysis.profiling.sweep.fit import crossover, log_log_slope, slopes
from analysis.profiling.sweep.summary import summarise
from tests.analysis.profiling.sweep.conftest import FLASH, JOINT, SCAN


def linear(point):
    return 2.0 * point.tokens, 1000.0 * point.tokens


def quadratic(point):
    return 0.01 * point.tokens**2, 10.0 * point.tokens**2


def test_slopes_of_pure_powers_are_exact(law_sweep):
    sweep = law_sweep({SCAN: linear, JOINT: quadratic})
    found = {(s.curve, s.measure): s for s in slopes(sweep)}
    for measure in ("latency_ms", "memory_bytes"):
        assert found[SCAN, measure].value == pytest.approx(1, abs=1e-6)
        assert found[JOINT, measure].value == pytest.approx(2, abs=1e-6)
        assert found[JOINT, measure].last_doubling == pytest.approx(2, abs=1e-6)
        assert found[SCAN, measure].high - found[SCAN, measure].low < 1e-5


def test_an_interval_is_that_of_a_textbook():
    # By hand: residuals (+e, -e, -e, +e) on x = 0, 1, 2, 3 in logarithms.
    e = 0.1
    x = np.arange(4.0)
    y = 1.5 * x + e * np.array([1, -1, -1, 1])
    slope = log_log_slope(SCAN, "latency_ms", list(np.exp(x)), list(np.exp(y)))
    half = 4.302652729911275 * np.sqrt(4 * e**2 / 2 / 5)  # t of 0.975 with 2 degrees of freedom
    assert slope.value == pytest.approx(1.5)
    assert slope.high - slope.value == pytest.approx(half)
    assert slope.value - slope.low == pytest.approx(half)
    assert slope.last_doubling == pytest.approx(1.5 + 2 * e)


def test_two_points_have_a_slope_and_no_interval():
    slope = log_log_slope(SCAN, "latency_ms", [1.0, 2.0], [1.0, 4.0])
    assert (slope.value, slope.low, slope.high) == (pytest.approx(2), None, None)


def test_a_crossing_lies_where_the_laws_meet(law_sweep):
    # 2 L and 0.01 L^2 meet at L = 200, between 4 frames (197 tokens) and 8 (393). Straight lines
    # of the log-log plot are exact for powers.
    sweep = law_sweep({SCAN: linear, JOINT: quadratic})
    found = crossover(sweep, JOINT, SCAN, "latency_ms", np.random.default_rng(0))
    assert (found.faster_later, found.slower_later) == (SCAN, JOINT)
    assert found.tokens == pytest.approx(200, rel=1e-6)
    assert found.low == pytest.approx(200, rel=1e-6), "equal calls leave nothing to vary"
    assert found.always_cheaper is None


def test_uneven_calls_widen_the_crossings_interval(law_sweep):
    sweep = law_sweep({SCAN: linear, JOINT: quadratic})
    uneven = [
        type(result)(
            **{
                **result.__dict__,
                "times_ms": tuple(result.latency_ms * f for f in (0.8, 0.9, 1, 1.1, 1.2)),
            }
        )
        for result in sweep.measurements
    ]
    sweep = type(sweep)(sweep.spec, sweep.machine, tuple(uneven))
    found = crossover(sweep, SCAN, JOINT, "latency_ms", np.random.default_rng(0))
    assert found.low < 195 < 205 < found.high
    assert found.tokens == pytest.approx(200, rel=1e-6)


def test_curves_that_do_not_cross_say_who_is_cheaper(law_sweep):
    sweep = law_sweep({SCAN: lambda p: (1.0, 1.0 * p.tokens), JOINT: quadratic})
    found = crossover(sweep, SCAN, JOINT, "latency_ms", np.random.default_rng(0))
    assert found.tokens is None
    assert found.always_cheaper == SCAN


def test_the_summary_compares_a_scan_with_its_peers(law_sweep):
    sweep = law_sweep({SCAN: linear, JOINT: quadratic, FLASH: linear})
    summary = summarise(sweep)
    largest = {r.peer: r for r in summary.ratios if r.num_frames == 16}
    length = 1 + 16 * 49
    assert largest[JOINT].times_latency == pytest.approx(0.01 * length**2 / (2 * length))
    assert largest[JOINT].times_memory == pytest.approx(10 * length**2 / (1000 * length))
    assert largest[FLASH].times_latency == pytest.approx(1)
    assert summary.row() == summarise(sweep).row(), "the same sweep gives the same intervals"
