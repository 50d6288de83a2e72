"""A trace file of torch.profiler, read back: which call ran inside which, and who took memory.

The file is the Chrome trace format as torch.profiler writes it; reading the file, and not the
profiler's own objects, makes a profile repeatable from what was saved.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_HOST = ("cpu_op", "user_annotation", "cuda_runtime", "cuda_driver")
_DEVICE = ("kernel", "gpu_memcpy", "gpu_memset")
_STEP = "ProfilerStep#"


@dataclass(slots=True, eq=False)
class Span:
    """One call, with what is known of it after reading; times in microseconds of the trace.

    kind: "operator", "annotation" (a name given by code), "runtime" (a call of the CUDA runtime)
    or "kernel" (work on the device). sequence: number of the autograd node that a forward operator
    makes, or that a backward one evaluates (`of_backward`). inner_us: time in calls made from it.
    `region` and `pass_` stay empty until `assign_regions`.
    """

    name: str
    kind: str
    start_us: float
    duration_us: float
    thread: Any
    sequence: int | None
    of_backward: bool
    external_id: int | None
    parent: "Span | None" = None
    depth: int = 0
    step: int = -1
    inner_us: float = 0.0
    region: str = ""
    pass_: str = ""

    @property
    def end_us(self) -> float:
        return self.start_us + self.duration_us

    @property
    def self_us(self) -> float:
        """Time in the call itself, not in calls made from it."""
        return self.duration_us - self.inner_us


@dataclass(frozen=True, slots=True, eq=False)
class MemoryEvent:
    """`size_bytes` taken (above 0) or given back (below 0) while `span` was the innermost call."""

    time_us: float
    size_bytes: int
    on_device: bool
    span: Span | None


@dataclass(frozen=True, eq=False)
class Trace:
    """The active steps of a trace and everything in them, in the order of starting."""

    steps: tuple[Span, ...]
    spans: tuple[Span, ...]
    kernels: tuple[Span, ...]
    memory: tuple[MemoryEvent, ...]


def read_trace(path: str | os.PathLike) -> Trace:
    """The steps, calls, kernels and memory events of a trace file.

    Calls outside every step are left out. Raises ValueError for a file without a step.
    """
    with open(path, encoding="utf-8") as file:
        events = json.load(file)["traceEvents"]
    calls = sorted(_spans(events, _HOST), key=lambda span: (span.start_us, -span.duration_us))
    steps = tuple(span for span in calls if span.name.startswith(_STEP))
    if not steps:
        raise ValueError(f'"{os.path.basename(path)}" is a trace without a profiler step in it')
    memory = _nest(calls, sorted(_memory_events(events), key=lambda event: event[0]))
    kernels = sorted(_spans(events, _DEVICE), key=lambda span: span.start_us)
    return Trace(
        steps,
        tuple(_within(calls, steps)),
        tuple(_within(kernels, steps)),
        tuple(memory),
    )


def _spans(events: list[dict], categories: tuple[str, ...]) -> Iterator[Span]:
    kinds = {"cpu_op": "operator", "user_annotation": "annotation", "kernel": "kernel"}
    for event in events:
        category = event.get("cat")
        if event.get("ph") != "X" or category not in categories:
            continue
        facts = event.get("args", {})
        sequence = facts.get("Sequence number", -1)
        yield Span(
            name=event["name"],
            kind=kinds.get(category, "kernel" if category in _DEVICE else "runtime"),
            start_us=float(event["ts"]),
            duration_us=float(event["dur"]),
            thread=event["tid"],
            sequence=sequence if sequence >= 0 else None,
            of_backward=facts.get("Fwd thread id", 0) > 0,
            external_id=facts.get("External id"),
        )


def _memory_events(events: list[dict]) -> Iterator[tuple[float, int, bool, Any]]:
    for event in events:
        if event.get("name") == "[memory]":
            facts = event["args"]
            yield event["ts"], facts["Bytes"], facts["Device Type"] != 0, event["tid"]


def _nest(calls: list[Span], memory: list[tuple]) -> Iterator[MemoryEvent]:
    """Gives every call its parent, and every memory event the innermost call of its thread."""
    running: dict[Any, list[Span]] = {}
    found, waiting = [], iter([*memory, (float("inf"), 0, False, None)])
    event = next(waiting)
    for call in calls:
        while event[0] < call.start_us:
            found.append(_owned(event, running))
            event = next(waiting)
        stack = _still_running(running.setdefault(call.thread, []), call.start_us)
        if stack:
            call.parent, call.depth = stack[-1], len(stack)
            call.parent.inner_us += call.duration_us
        stack.append(call)
    while event[3] is not None:
        found.append(_owned(event, running))
        event = next(waiting)
    return iter(found)


def _owned(event: tuple, running: dict[Any, list[Span]]) -> MemoryEvent:
    time_us, size_bytes, on_device, thread = event
    stack = _still_running(running.get(thread, []), time_us)
    return MemoryEvent(time_us, size_bytes, on_device, stack[-1] if stack else None)


def _still_running(stack: list[Span], time_us: float) -> list[Span]:
    while stack and stack[-1].end_us <= time_us:
        stack.pop()
    return stack


def _within(spans: list[Span], steps: tuple[Span, ...]) -> Iterator[Span]:
    """The spans that start in a step, each told which."""
    number = 0
    for span in spans:
        while number + 1 < len(steps) and span.start_us >= steps[number + 1].start_us:
            number += 1
        if steps[number].start_us <= span.start_us < steps[number].end_us:
            span.step = number
            yield span
