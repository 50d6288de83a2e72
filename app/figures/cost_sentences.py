"""What the curves of cost say, in sentences with their numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.figures.cost_curves import short_label
from app.figures.number_format import data_size, significant, whole, with_minus

if TYPE_CHECKING:  # They bring what only a measurement needs; the page opens without.
    from analysis.profiling.sweep.fit import Slope
    from analysis.profiling.sweep.planner import Plan
    from analysis.profiling.sweep.run import Sweep
    from analysis.profiling.sweep.summary import Ratio, SweepSummary

WAITING = "Choose a sweep, or press Measure to run one on this server."
_COST = {"latency_ms": "time", "memory_bytes": "memory"}


def growth_sentence(summary: SweepSummary | None, measure: str) -> str:
    """The flattest and the steepest curve."""
    slopes = [] if summary is None else [s for s in summary.slopes if s.measure == measure]
    if not slopes:
        return "Two sizes of a model are needed before its growth can be told."
    cost = _COST[measure].capitalize()
    low = min(slopes, key=lambda slope: slope.last_doubling)
    high = max(slopes, key=lambda slope: slope.last_doubling)
    if low is high:
        return f"{cost} of {_slope_words(low)}."
    return (
        f"{cost} grows least steeply for {_slope_words(low)}; most steeply for "
        f"{_slope_words(high)}. 1 is proportional to tokens, 2 quadratic."
    )


def ratio_sentence(summary: SweepSummary | None, measure: str) -> str:
    """The dearest and the cheapest peer at the largest common size, beside the paper's figure."""
    from analysis.profiling.sweep import summary as facts

    paper = facts.PAPER_TIMES[measure]
    ratios = [] if summary is None else [r for r in summary.ratios if r.times(measure)]
    if not ratios:
        return "Ratios need a scanning model and a peer of its size."
    largest = max(ratio.all_tokens for ratio in ratios)
    last = [ratio for ratio in ratios if ratio.all_tokens == largest]
    dearest = max(last, key=lambda ratio: ratio.times(measure))
    cheapest = min(last, key=lambda ratio: ratio.times(measure))
    others = (
        ""
        if cheapest is dearest
        else f"; {short_label(cheapest.peer)} {significant(cheapest.times(measure))} times"
    )
    return (
        f"At {_size_words(dearest)} {short_label(dearest.peer)} takes "
        f"{significant(dearest.times(measure))} times the {_COST[measure]} of "
        f"{short_label(dearest.scan)}{others}. The paper states {paper:g} times at "
        f"{facts.PAPER_FRAMES} frames of {facts.PAPER_IMAGE_SIZE} px on a GPU: the direction of "
        "the lines can be compared with its mark, the machines cannot."
    )


def conditions(sweep: Sweep | None) -> str:
    """On what and under which settings the points were measured."""
    if sweep is None:
        return WAITING
    here = sweep.machine
    gpu = f"{here['gpu']}, CUDA {here['cuda']}, " if here.get("gpu") else ""
    threads = f"{here['threads']} threads of {here['processor']}"
    methods = {result.memory_method for result in sweep.results if result.memory_method}
    load = here.get("load_average")
    spread = sum(result.unsteady for result in sweep.results)
    return (
        f"{gpu}{threads}, torch {here['torch']}, {here['operating_system']}; "
        f"{', '.join(sweep.spec.dtypes)}; random weights and clips, evaluation mode; every point "
        f"in a process of its own, gone through {_times(sweep.spec.repeats)}. Memory: "
        f"{' and '.join(sorted(methods)) or 'not measured'}. Begun {here['measured_at']}"
        + ("" if load is None else f" at load {load:g}")
        + f"; {_points(spread)} unsteady."
    )


def plan_sentence(plans: tuple[Plan, ...], asked: bool, budget_bytes: float) -> str:
    """Which models fit, and how far they get."""
    if not plans:
        return "A plan needs at least two measured sizes of a model."
    memory, size = data_size(budget_bytes), plans[0].image_size
    far = sum(plan.times_beyond > 2 for plan in plans)
    caution = (
        f" {far} of {len(plans)} rows reach beyond twice what was measured: take them as a "
        "direction."
        if far
        else ""
    )
    if not asked:
        best, last = plans[0], plans[-1]
        return (
            f"{short_label(best.curve)} holds {whole(best.most_frames)} frames of {size} px in "
            f"{memory}, {short_label(last.curve)} {whole(last.most_frames)}.{caution}"
        )
    fit = [plan for plan in plans if plan.fits]
    rest = ", ".join(
        f"{short_label(plan.curve)} up to {whole(plan.most_frames)}"
        for plan in plans
        if not plan.fits
    )
    less = f" Too large for {rest}." if rest else ""
    frames = f"{plans[0].frames} frames of {size} px"
    if not fit:
        return f"No model holds {frames} in {memory}.{less}{caution}"
    quick = min(fit, key=lambda plan: plan.latency_ms or 0)
    return (
        f"{frames} fit into {memory} for {len(fit)} of {len(plans)}; the quickest is "
        f"{short_label(quick.curve)}.{less}{caution}"
    )


def _slope_words(slope: Slope) -> str:
    interval = (
        ""
        if slope.low is None
        else f", 95 % between {with_minus(slope.low, 2)} and {with_minus(slope.high, 2)}"
    )
    return (
        f"{short_label(slope.curve)} (tokens to the {significant(slope.value)}{interval}; "
        f"{with_minus(slope.last_doubling)} between the two largest sizes)"
    )


def _size_words(ratio: Ratio) -> str:
    batch = f", {ratio.batch} clips at once," if ratio.batch > 1 else ""
    return f"{ratio.num_frames} frames of {ratio.image_size} px{batch}"


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def _points(count: int) -> str:
    return {0: "no point was", 1: "one point was"}.get(count, f"{count} points were")
