"""To which region and pass calls belong, on traces whose answer is known."""

import pytest

from analysis.profiling.run_profile.assignment import assign_regions
from analysis.profiling.run_profile.tables import region_costs

EVALUATE = "autograd::engine::evaluate_function: "


@pytest.fixture
def training_trace(trace_of, events):
    """Two regions make a node each; `view` carries the number of the node that `mm` makes."""
    return trace_of(
        events.named("ProfilerStep#1", 0, 1000),
        events.named("in_proj", 10, 90),
        events.call("aten::mm", 20, 50, number=7),
        events.call("aten::view", 80, 10, number=8),
        events.named("gate", 110, 90),
        events.call("aten::mul", 120, 50, number=8),
        events.named("loss", 210, 20),
        events.call(f"{EVALUATE}MulBackward0", 300, 100, number=8, forward_thread=1),
        events.call("MulBackward0", 310, 80, number=8, forward_thread=1),
        events.call("aten::mul", 320, 60),
        events.call(f"{EVALUATE}MmBackward0", 400, 100, number=7, forward_thread=1),
        events.call("aten::mm", 410, 50),
        events.call(f"{EVALUATE}torch::autograd::AccumulateGrad", 500, 40),
        events.named("optimizer", 600, 100),
        events.call("aten::sqrt", 610, 50),
    )


def test_backward_calls_belong_to_the_region_of_their_forward_operator(training_trace):
    assign_regions(training_trace)
    rows = {(cost.region, cost.pass_): cost for cost in region_costs(training_trace, 0)}
    assert {key: cost.self_ms for key, cost in rows.items()} == pytest.approx(
        {
            ("in_proj", "forward"): 0.090,
            ("gate", "forward"): 0.090,
            ("loss", "forward"): 0.020,
            ("optimizer", "forward"): 0.100,
            ("other", "forward"): 0.460,
            ("in_proj", "backward"): 0.100,
            ("gate", "backward"): 0.100,
            ("accumulate_grad", "backward"): 0.040,
        }
    )
    assert rows["gate", "backward"].calls == 1


def test_rows_come_in_the_order_of_a_pass(training_trace):
    assign_regions(training_trace)
    assert [(cost.region, cost.pass_[0]) for cost in region_costs(training_trace, 0)] == [
        ("in_proj", "f"),
        ("gate", "f"),
        ("loss", "f"),
        ("optimizer", "f"),
        ("other", "f"),
        ("in_proj", "b"),
        ("gate", "b"),
        ("accumulate_grad", "b"),
    ]


def test_a_layer_computed_again_in_the_backward_pass_belongs_there(trace_of, events):
    trace = trace_of(
        events.named("ProfilerStep#1", 0, 1000),
        events.named("conv", 10, 50),
        events.call("aten::conv1d", 20, 20, number=3),
        events.call(f"{EVALUATE}ConvBackward", 100, 300, number=3, forward_thread=1),
        events.named("scan_fwd", 150, 100),
        events.call("aten::mul", 160, 50, number=9),
    )
    assign_regions(trace)
    times = {(cost.region, cost.pass_): cost.self_ms for cost in region_costs(trace, 0)}
    assert times["scan_fwd", "backward"] == pytest.approx(0.1)
    assert times["conv", "backward"] == pytest.approx(0.2)


def test_names_of_other_code_are_no_regions(trace_of, events):
    trace = trace_of(
        events.named("ProfilerStep#1", 0, 100),
        events.named("layer 0", 10, 50),
        events.named("scan", 20, 30),
        events.named("numba::scan_two_way", 25, 20),
    )
    assign_regions(trace)
    rows = {cost.region: cost for cost in region_costs(trace, 0)}
    assert rows["scan"].self_ms == pytest.approx(0.03)
    assert rows["scan"].between_ms == pytest.approx(0.01)
    assert rows["other"].self_ms == pytest.approx(0.07)


def test_on_a_gpu_kernels_are_timed_and_memory_is_the_gpus(trace_of, events):
    trace = trace_of(
        events.named("ProfilerStep#1", 0, 100),
        events.named("in_proj", 10, 20),
        events.call("aten::mm", 12, 10, **{"External id": 5}),
        events.named("head", 40, 20),
        events.call("aten::mm", 42, 10, **{"External id": 6}),
        events.kernel("gemm", 30, 25, launched_by=5),
        events.kernel("gemm", 60, 15, launched_by=6),
        events.memory(13, 1 << 20),
        events.memory(14, 64, device=1),
    )
    assign_regions(trace)
    rows = {cost.region: cost for cost in region_costs(trace, 0)}
    assert {name: cost.self_ms for name, cost in rows.items() if cost.self_ms} == pytest.approx(
        {"in_proj": 0.025, "head": 0.015, "idle": 0.060}
    )
    assert rows["in_proj"].allocated_bytes == 64
