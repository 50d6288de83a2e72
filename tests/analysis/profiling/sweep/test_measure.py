"""Points measured for real: in this process, in one of their own, against caps, and cancelled."""

import time

import pytest
import torch

from analysis.profiling.sweep.isolated import Cancelled, Limits, measure_isolated
from analysis.profiling.sweep.measure import FEWEST_CALLS, WARMUP_CALLS, measure_point
from analysis.profiling.sweep.point import (
    MEASURED,
    OUT_OF_MEMORY,
    OVER_TIME,
    CostPoint,
    Curve,
    PointResult,
    merged,
    point_from_row,
    result_from_row,
)

SMALL = CostPoint(Curve("videomamba_debug"), 4, 16)
ATTENTION = CostPoint(Curve("timesformer_tiny_joint", "softmax"), 8, 224)


@pytest.mark.parametrize(
    "curve",
    [
        Curve("videomamba_debug"),
        Curve("videomamba_debug", pass_="training"),
        Curve("videomamba_debug", dtype="bfloat16"),
        Curve("videomamba_debug", kernel="naive"),
    ],
    ids=lambda curve: curve.label,
)
def test_a_point_has_times_memory_and_what_ran(curve):
    seen = []
    result = measure_point(
        CostPoint(curve, 4, 16), 0.05, lambda: seen.append(torch.is_grad_enabled())
    )
    assert result.status == MEASURED, result.note
    # Slow calls are warmed up for a time instead of a number.
    assert result.warmup_calls >= (1 if curve.kernel == "naive" else WARMUP_CALLS)
    assert len(result.times_ms) >= FEWEST_CALLS
    assert result.quantile_ms(0.1) <= result.latency_ms <= result.quantile_ms(0.9)
    assert result.tokens == 1 + 4 * 16
    assert result.kernel_ran == ("naive" if curve.kernel == "naive" else "cpu")
    assert result.memory_bytes is not None
    assert result.clips_per_s == pytest.approx(1e3 / result.latency_ms)
    assert seen == [True]
    assert result_from_row(result.row()) == PointResult(
        **{**result.__dict__, "times_ms": tuple(round(t, 4) for t in result.times_ms)}
    )
    assert point_from_row(result.row()) == result.point


def test_a_model_that_cannot_have_the_kernel_fails_in_words():
    result = measure_point(CostPoint(Curve("videomamba_debug", "mamba_ssm"), 4, 16), 0.05, int)
    assert result.status == "failed"
    assert "mamba_ssm" in result.note


def test_plain_attention_needs_its_scores_in_memory():
    # One tensor of scores is heads x L^2 x 4 bytes; product and softmax live at once. Resident
    # memory has more in it than tensors.
    result = measure_isolated(ATTENTION, Limits(timing_s=0.1))
    assert result.status == MEASURED, result.note
    scores = 3 * ATTENTION.tokens**2 * 4
    assert 1.5 * scores < result.memory_bytes < 6 * scores


def test_a_memory_cap_is_a_result():
    result = measure_isolated(ATTENTION, Limits(timing_s=0.1, memory_cap_bytes=20_000_000))
    assert (result.status, result.times_ms) == (OUT_OF_MEMORY, ())
    assert "memory" in result.note
    assert result.tokens == ATTENTION.tokens


def test_a_time_cap_is_a_result():
    result = measure_isolated(ATTENTION, Limits(time_cap_s=0.5))
    assert (result.status, result.note) == (OVER_TIME, "stopped after 0.5 s")


def test_whoever_waits_no_more_gets_the_process_ended():
    began = time.monotonic()
    with pytest.raises(Cancelled):
        measure_isolated(ATTENTION, Limits(), lambda: time.monotonic() > began + 0.3)
    assert time.monotonic() - began < 5


def test_an_unknown_model_comes_back_as_a_failure():
    result = measure_isolated(CostPoint(Curve("videomamba_debug", "triton"), 4, 16), Limits())
    assert result.status == "failed"
    assert "triton" in result.note


def test_merging_pools_times_and_keeps_the_larger_memory():
    def measured(*times_ms, memory):
        return PointResult(SMALL, MEASURED, tokens=65, times_ms=times_ms, memory_bytes=memory)

    lost = PointResult(SMALL, OVER_TIME, tokens=65)
    both = merged([measured(1.0, 2.0, memory=5), lost, measured(3.0, memory=9)])
    assert (both.times_ms, both.memory_bytes, both.status) == ((1.0, 2.0, 3.0), 9, MEASURED)
    assert merged([lost]) == lost


@pytest.mark.parametrize(
    ("times", "unsteady"), [((10, 10.1, 10.2, 10.1), False), ((10, 10, 20, 20), True), ((), False)]
)
def test_uneven_times_are_flagged(times, unsteady):
    assert PointResult(SMALL, MEASURED, times_ms=times).unsteady is unsteady
