"""Reading a trace file: what ran inside what, in which step, and who took memory."""

import pytest

from analysis.profiling.run_profile.assignment import assign_regions
from analysis.profiling.run_profile.tables import operator_costs, region_costs
from analysis.profiling.run_profile.timeline import (
    flame_spans,
    memory_timeline,
    typical_step,
)


@pytest.fixture
def forward_trace(trace_of, events):
    """Two steps of 100 us; the second does everything in twice the time from its start."""

    def step(number: int, at: float, scale: float) -> list[dict]:
        return [
            events.named(f"ProfilerStep#{number}", at, 100 * scale),
            events.named("embed", at + 10 * scale, 40 * scale),
            events.call("aten::linear", at + 15 * scale, 30 * scale),
            events.call("aten::addmm", at + 20 * scale, 20 * scale),
            events.named("head", at + 60 * scale, 30 * scale),
            events.memory(at + 25 * scale, 4000),
            events.memory(at + 70 * scale, 1000),
            events.memory(at + 95 * scale, -5000),
        ]

    return trace_of(*step(3, 1000, 1), *step(4, 1100, 2))


def test_calls_know_where_they_ran(forward_trace):
    by_name = {span.name: span for span in forward_trace.spans if span.step == 0}
    assert by_name["aten::addmm"].parent is by_name["aten::linear"]
    assert by_name["aten::linear"].parent is by_name["embed"]
    assert by_name["head"].parent is by_name["ProfilerStep#3"]
    assert [by_name[name].depth for name in ("ProfilerStep#3", "head", "aten::addmm")] == [0, 1, 3]
    assert {span.name: span.self_us for span in by_name.values()} == {
        "ProfilerStep#3": 30,
        "embed": 10,
        "aten::linear": 10,
        "aten::addmm": 20,
        "head": 30,
    }
    assert [event.span.name for event in forward_trace.memory][:3] == [
        "aten::addmm",
        "head",
        "ProfilerStep#3",
    ]


def test_regions_are_of_one_step(forward_trace):
    assign_regions(forward_trace)
    twice = {cost.region: cost.self_ms for cost in region_costs(forward_trace, 1)}
    rows = {cost.region: cost for cost in region_costs(forward_trace, 0)}
    assert twice == pytest.approx({name: 2 * cost.self_ms for name, cost in rows.items()})
    assert list(rows) == ["embed", "head", "other"]
    assert {name: cost.self_ms for name, cost in rows.items()} == pytest.approx(
        {"embed": 0.040, "head": 0.030, "other": 0.030}
    )
    assert {name: cost.between_ms for name, cost in rows.items()} == pytest.approx(
        {"embed": 0.010, "head": 0.030, "other": 0.030}
    )
    assert sum(cost.share for cost in rows.values()) == pytest.approx(1)
    assert [cost.calls for cost in rows.values()] == [1, 1, 0]
    assert {name: cost.allocated_bytes for name, cost in rows.items()} == {
        "embed": 4000,
        "head": 1000,
        "other": 0,
    }
    assert {name: cost.peak_bytes for name, cost in rows.items()} == {
        "embed": 4000,
        "head": 5000,
        "other": 5000,  # held until it was given back there
    }


def test_operators_sum_to_the_step(forward_trace):
    assign_regions(forward_trace)
    rows = operator_costs(forward_trace, 0)
    assert sum(cost.self_ms for cost in rows) == pytest.approx(0.100)
    found = {(cost.operator, cost.region): cost for cost in rows}
    product = found["aten::addmm", "embed"]
    assert (product.calls, product.self_ms, product.allocated_bytes) == (1, 0.020, 4000)
    assert found["aten::linear", "embed"].total_ms == pytest.approx(0.030)
    assert found["between operators", "head"].self_ms == pytest.approx(0.030)


def test_the_flame_view_is_one_step_from_its_own_start(forward_trace):
    assign_regions(forward_trace)
    spans = flame_spans(forward_trace, 1)
    drawn = {span.name: (span.depth, span.start_ms, span.duration_ms) for span in spans}
    assert drawn == {
        "ProfilerStep#4": (0, 0, pytest.approx(0.2)),
        "embed": (1, pytest.approx(0.02), pytest.approx(0.08)),
        "aten::linear": (2, pytest.approx(0.03), pytest.approx(0.06)),
        "aten::addmm": (3, pytest.approx(0.04), pytest.approx(0.04)),
        "head": (1, pytest.approx(0.12), pytest.approx(0.06)),
    }


def test_short_neighbours_are_drawn_as_one(trace_of, events):
    short = [events.call("aten::view", 100 + 3 * number, 2) for number in range(30)]
    trace = trace_of(
        events.named("ProfilerStep#1", 0, 10_000),
        *short,
        events.call("aten::mm", 500, 5000),
        events.call("aten::view", 9000, 2),
    )
    assign_regions(trace)
    _, merged, product = flame_spans(trace, 0)  # the last view is too far away to be seen
    assert (merged.name, merged.merged) == ("30 short calls", 30)
    assert (merged.start_ms, merged.duration_ms) == (0.1, pytest.approx(0.089))
    assert (product.name, product.merged) == ("aten::mm", 1)


def test_memory_is_held_above_the_start_of_the_step(forward_trace):
    assign_regions(forward_trace)
    points = memory_timeline(forward_trace, 0)
    assert [(point.time_ms, point.held_bytes) for point in points] == [
        (0, 0),
        (pytest.approx(0.025), 4000),
        (pytest.approx(0.070), 5000),
        (pytest.approx(0.095), 0),
        (pytest.approx(0.100), 0),
    ]


def test_many_memory_events_keep_their_peak(trace_of, events):
    up_and_down = [
        event
        for number in range(5000)
        for event in (events.memory(2 * number, 10), events.memory(2 * number + 1, -10))
    ]
    trace = trace_of(
        events.named("ProfilerStep#1", 0, 10_001), events.memory(7001.5, 999), *up_and_down
    )
    assign_regions(trace)
    points = memory_timeline(trace, 0)
    assert len(points) <= 1201
    assert max(point.held_bytes for point in points) == 1009
    assert points[-1].held_bytes == 999


def test_a_file_without_steps_is_one_sentence(trace_of, events):
    with pytest.raises(ValueError, match="without a profiler step"):
        trace_of(events.call("aten::mm", 0, 1))


def test_the_typical_step_is_the_one_of_median_duration(trace_of, events):
    durations, start, steps = (300, 100, 200, 900), 0, []
    for number, duration in enumerate(durations):
        steps.append(events.named(f"ProfilerStep#{number}", start, duration))
        start += duration
    assert typical_step(trace_of(*steps[:3])) == 2
    assert typical_step(trace_of(*steps)) == 2  # of two in the middle the quicker one
