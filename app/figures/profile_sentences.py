"""What one or two profiled runs say, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from app.figures.number_format import compact, data_size, duration, percent
from app.figures.region_names import region_name

if TYPE_CHECKING:
    from app.pass_profiles import ProfiledRun

_UNSTEADY = 1.3


def bars_sentence(runs: Sequence[ProfiledRun]) -> str:
    """Where the time went, and whether it can be trusted."""
    if not runs:
        return (
            "A step is cut into the parts of the model: projections, convolution, scans, gate. A "
            "second model on the same clip stands under it on the same scale."
        )
    words = [_where(runs[0])]
    if len(runs) == 2:
        words.append(_against(*runs))
    words += [_together(run) for run in runs if run.profile.fused_directions][:1]
    words += _unsteady(runs)
    return " ".join(words)


def _where(run: ProfiledRun) -> str:
    profile = run.profile
    largest = sorted(profile.regions, key=lambda cost: -cost.self_ms)[:3]
    named = ", ".join(
        f"{region_name(cost.region, cost.pass_)} {percent(cost.share)}" for cost in largest
    )
    step = "training step" if profile.training else "pass"
    between = sum(cost.between_ms for cost in profile.regions) / profile.typical_step_ms
    return (
        f"{run.title}: a {step} took {duration(profile.typical_step_ms)} "
        f"({duration(profile.plain_step_ms)} without the profiler). Largest: {named}. In "
        f"{percent(between)} of the time no operator ran."
    )


def _against(first: ProfiledRun, second: ProfiledRun) -> str:
    from analysis.profiling.run_profile import compare_profiles

    one, other = first.profile.plain_step_ms, second.profile.plain_step_ms
    times = max(one, other) / min(one, other)
    slower, faster = (second, first) if other >= one else (first, second)
    rows = compare_profiles(faster.profile, slower.profile)
    most = max(rows, key=lambda row: row.difference_ms)
    return (
        f"Without the profiler {slower.title} takes {compact(times)} times as long as "
        f"{faster.title}; the largest part that grows is {region_name(most.region, most.pass_)}, "
        f"by {duration(most.difference_ms)}."
    )


def _together(run: ProfiledRun) -> str:
    return (
        "Both directions of a layer ran in one compiled kernel, with step sizes and gate (Scans); "
        "Direction by direction shows them apart, in a slower run."
    )


def _unsteady(runs: Sequence[ProfiledRun]) -> list[str]:
    ranges = [
        f"{duration(min(steps))} to {duration(max(steps))}"
        for steps in (run.profile.step_ms for run in runs)
        if max(steps) > _UNSTEADY * min(steps)
    ]
    if not ranges:
        return []
    return [
        f"Steps differed ({'; '.join(ranges)}): something else kept this machine busy, profile "
        "again for steadier numbers."
    ]


def flame_sentence(run: ProfiledRun | None) -> str:
    """What the memory of a run was held for."""
    if run is None:
        return "Time runs to the right, what called what downwards; memory is drawn under it."
    profile = run.profile
    at_peak = max(profile.memory, key=lambda point: point.held_bytes)
    during = f" during {region_name(at_peak.region)}" if at_peak.region else ""
    taken = sum(cost.allocated_bytes for cost in profile.regions)
    return (
        f"At most {data_size(profile.peak_bytes)} were held above the start of the step{during}; "
        f"{data_size(taken)} were taken and given back in all. Memory here: "
        f"{profile.memory_method}. Click a call to enlarge its time."
    )
