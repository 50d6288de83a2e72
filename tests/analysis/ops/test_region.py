"""Regions: seen by a profiler of the thread, nothing at all otherwise."""

import threading

import torch
from torch.profiler import ProfilerActivity, profile

from analysis.models import create_model
from analysis.ops.region import REGIONS, region
from analysis.ops.two_way import direction_by_direction


def names_in(work) -> list[str]:
    """Names of all regions that a profiler sees in `work()`, in the order of starting."""
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        work()
    return [event.name for event in profiler.events() if event.name in REGIONS]


def test_without_a_profiler_every_region_is_the_same_idle_object():
    assert region("embed") is region("head")


def test_a_profiler_of_this_thread_does_not_concern_another_one():
    seen = {}
    with profile(activities=[ProfilerActivity.CPU]):
        here = region("embed")
        other = threading.Thread(target=lambda: seen.update(there=region("embed")))
        other.start()
        other.join()
    assert here is not seen["there"]
    assert seen["there"] is region("embed")


BEFORE = ["embed"]
FUSED = ["norm", "in_proj", "conv", "x_proj", "scan", "out_proj"]
APART = [
    *("norm", "in_proj"),
    *("conv", "x_proj", "scan_fwd"),
    *("conv", "x_proj", "scan_bwd"),
    *("gate", "out_proj"),
]
AFTER = ["norm", "head"]


def test_a_pass_names_its_parts_in_order():
    model, clip = create_model("videomamba_debug").eval(), torch.randn(1, 3, 4, 16, 16)
    with torch.inference_mode():
        assert names_in(lambda: model(clip)) == BEFORE + 3 * FUSED + AFTER
        with direction_by_direction():
            assert names_in(lambda: model(clip)) == BEFORE + 3 * APART + AFTER
    assert names_in(lambda: model(clip)) == BEFORE + 3 * APART + AFTER  # as it runs with gradients


def test_another_token_order_is_a_part_of_its_own():
    model = create_model("videomamba_debug", scan_order="temporal_first").eval()
    with torch.inference_mode():
        names = names_in(lambda: model(torch.randn(1, 3, 4, 16, 16)))
    assert names == BEFORE + 3 * ["norm", "reorder", *FUSED[1:], "reorder"] + AFTER


def test_running_apart_changes_no_answer():
    model, clip = create_model("videomamba_mini").eval(), torch.randn(1, 3, 8, 64, 64)
    with torch.inference_mode():
        together = model(clip)
        with direction_by_direction():
            apart = model(clip)
    torch.testing.assert_close(together, apart, rtol=1e-5, atol=1e-5)


def test_kernels_called_from_python_are_named():
    model = create_model("videomamba_debug").eval()
    with profile(activities=[ProfilerActivity.CPU]) as profiler, torch.inference_mode():
        model(torch.randn(1, 3, 4, 16, 16))
    names = [event.name for event in profiler.events()]
    assert names.count("numba::scan_two_way") == 3
    assert names.count("numba::norm_forward") == 4
