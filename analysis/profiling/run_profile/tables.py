"""Time and memory of one step of a trace, by region and by operator."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass

from analysis.profiling.run_profile.assignment import IDLE, pass_order
from analysis.profiling.run_profile.trace import MemoryEvent, Span, Trace

BETWEEN = "between operators"
"""Stands in the operator table for time inside regions in which no operator ran."""


@dataclass(frozen=True)
class RegionCost:
    """A region of one pass in one step.

    calls: entries of the region in the forward pass, autograd nodes evaluated in the backward.
    self_ms: time that belongs to the region and to no other one; the self times of all rows sum to
    the step. total_ms: from entry to end, with regions inside. On CUDA both are time of kernels.
    share: of the step, 0 to 1. between_ms: part of self_ms in which no operator ran.
    allocated_bytes: all memory taken, given back or not. peak_bytes: most that was held above the
    start of the step while the region ran.
    """

    region: str
    pass_: str
    calls: int
    self_ms: float
    total_ms: float
    share: float
    between_ms: float
    allocated_bytes: int
    peak_bytes: int

    def row(self) -> dict:
        """As JSON, with `pass` for `pass_`."""
        return _json_row(self)


@dataclass(frozen=True)
class OperatorCost:
    """All calls of one operator (or kernel, on CUDA) in one region and pass of one step."""

    operator: str
    region: str
    pass_: str
    calls: int
    self_ms: float
    total_ms: float
    share: float
    allocated_bytes: int

    def row(self) -> dict:
        """As JSON, with `pass` for `pass_`."""
        return _json_row(self)


def _json_row(cost: RegionCost | OperatorCost) -> dict:
    return {name.rstrip("_"): value for name, value in asdict(cost).items()}


def region_costs(trace: Trace, step: int) -> tuple[RegionCost, ...]:
    """A row per region and pass, in the order of a pass; `assign_regions` has to come before."""
    sums = defaultdict(lambda: defaultdict(float))
    for span in _timed(trace, step):
        sums[span.region, span.pass_]["self_us"] += span.self_us
    for span in _of_step(trace.spans, step):
        here = sums[span.region, span.pass_]
        if _enters(span):
            here["calls"] += 1
            here["total_us"] += 0 if trace.kernels else span.duration_us
        if span.kind == "annotation" and not span.name.startswith("numba::"):
            here["between_us"] += 0 if trace.kernels else span.self_us
    _add_idle(trace, step, sums)
    taken, peaks = _memory(trace, step)
    step_us = trace.steps[step].duration_us
    rows = [
        RegionCost(
            region=region,
            pass_=pass_,
            calls=int(here["calls"]),
            self_ms=here["self_us"] / 1e3,
            total_ms=max(here["total_us"], here["self_us"]) / 1e3,
            share=here["self_us"] / step_us,
            between_ms=here["between_us"] / 1e3,
            allocated_bytes=taken[region, pass_],
            peak_bytes=peaks[region, pass_],
        )
        for (region, pass_), here in sums.items()
    ]
    rows.sort(key=lambda row: pass_order((row.region, row.pass_)))
    return tuple(rows)


def operator_costs(trace: Trace, step: int) -> tuple[OperatorCost, ...]:
    """A row per operator, region and pass, largest self time first; self times sum to the step."""
    sums = defaultdict(lambda: defaultdict(float))
    for span in _timed(trace, step):
        own = span.kind != "annotation" or span.name.startswith("numba::")
        here = sums[span.name if own else BETWEEN, span.region, span.pass_]
        here["calls"] += own
        here["self_us"] += span.self_us
        here["total_us"] += span.duration_us if own else span.self_us
    for event, _ in held_bytes(trace, step):
        if event.span is not None and event.size_bytes > 0 and not trace.kernels:
            own = event.span.kind != "annotation" or event.span.name.startswith("numba::")
            key = (event.span.name if own else BETWEEN, event.span.region, event.span.pass_)
            sums[key]["bytes"] += event.size_bytes
    step_us = trace.steps[step].duration_us
    rows = [
        OperatorCost(
            *key,
            calls=int(here["calls"]),
            self_ms=here["self_us"] / 1e3,
            total_ms=here["total_us"] / 1e3,
            share=here["self_us"] / step_us,
            allocated_bytes=int(here["bytes"]),
        )
        for key, here in sums.items()
    ]
    return tuple(sorted(rows, key=lambda row: -row.self_ms))


def _timed(trace: Trace, step: int) -> Iterable[Span]:
    """What time is counted on: kernels where the device did the work, else calls."""
    return _of_step(trace.kernels or trace.spans, step)


def _of_step(spans: Iterable[Span], step: int) -> Iterator[Span]:
    return (span for span in spans if span.step == step)


def _enters(span: Span) -> bool:
    """Whether a call begins its region: the region's own name, or an autograd node of it."""
    if span.pass_ == "forward":
        return span.kind == "annotation" and span.name == span.region
    return span.parent is None or span.parent.pass_ != "backward"


def _add_idle(trace: Trace, step: int, sums: dict) -> None:
    if trace.kernels:
        busy = sum(kernel.duration_us for kernel in _of_step(trace.kernels, step))
        waited = trace.steps[step].duration_us - busy
        sums[IDLE, "forward"]["self_us"] = max(0.0, waited)


def _memory(trace: Trace, step: int) -> tuple[dict, dict]:
    """Bytes taken, and the most held above the start of the step, by region and pass."""
    taken, peaks = defaultdict(int), defaultdict(int)
    for event, held in held_bytes(trace, step):
        if event.span is None:
            continue
        key = event.span.region, event.span.pass_
        taken[key] += max(0, event.size_bytes)
        # A call that only gives memory back held, until then, what was there before.
        peaks[key] = max(peaks[key], held - min(0, event.size_bytes))
    return taken, peaks


def held_bytes(trace: Trace, step: int) -> list[tuple[MemoryEvent, int]]:
    """The memory events of a step, each with the bytes held after it, from 0 at the start.

    Of the device where kernels ran on one, else of the processor.
    """
    root, held, found = trace.steps[step], 0, []
    for event in trace.memory:
        if event.on_device == bool(trace.kernels) and root.start_us <= event.time_us < root.end_us:
            held += event.size_bytes
            found.append((event, held))
    return found
