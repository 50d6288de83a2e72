import time

from analysis.tracing.interleaved import interleaved_timings


def test_calls_take_turns_and_warm_up_unmeasured():
    order = []
    calls = {name: (lambda name=name: order.append(name)) for name in "ab"}
    timings = interleaved_timings(calls, rounds=3, shortest_round_ms=0)
    assert order == list("ab") + list("ab") * 3
    assert timings["a"].runs == timings["b"].runs == 3


def test_turns_that_settle_begin_with_a_run_that_does_not_count():
    order = []
    calls = {name: (lambda name=name: order.append(name)) for name in "ab"}
    timings = interleaved_timings(calls, rounds=2, shortest_round_ms=0, settle=True)
    assert order == list("ab") + list("aabb") * 2
    assert timings["a"].runs == 2


def test_short_calls_run_several_times_a_round():
    calls = {"short": lambda: None, "long": lambda: time.sleep(0.02)}
    timings = interleaved_timings(calls, rounds=2, shortest_round_ms=10, most_runs_a_round=4)
    assert timings["short"].runs == 8
    assert timings["long"].runs == 2
    assert timings["long"].median_ms >= 20 > timings["short"].median_ms
