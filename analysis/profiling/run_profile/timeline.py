"""One step over time: calls inside calls, and memory held."""

from collections import defaultdict
from dataclasses import dataclass

from analysis.profiling.run_profile.tables import held_bytes
from analysis.profiling.run_profile.trace import Span, Trace

_PARTS_OF_A_STEP = 1200
_MEMORY_POINTS = 1200


@dataclass(frozen=True)
class FlameSpan:
    """A call at its depth, 0 for the step itself, with times in milliseconds of the step.

    merged: how many neighbouring short calls this stands for; 1 for a call that is drawn itself.
    """

    name: str
    region: str
    pass_: str
    depth: int
    start_ms: float
    duration_ms: float
    merged: int


@dataclass(frozen=True)
class MemoryPoint:
    """Bytes held above the start of the step from a moment on, in milliseconds of the step."""

    time_ms: float
    held_bytes: int
    region: str


def typical_step(trace: Trace) -> int:
    """The number of the active step whose duration is the median one."""
    by_duration = sorted(range(len(trace.steps)), key=lambda n: trace.steps[n].duration_us)
    return by_duration[(len(by_duration) - 1) // 2]


def flame_spans(trace: Trace, step: int, deepest: int = 7) -> tuple[FlameSpan, ...]:
    """The calls of one step of the thread that ran it, outermost first.

    Neighbours shorter than a 1200th of the step are merged into one, and so is what is deeper than
    `deepest`.
    """
    root = trace.steps[step]
    shortest = root.duration_us / _PARTS_OF_A_STEP
    children = defaultdict(list)
    for span in trace.spans:
        if span.step == step and span.parent is not None and span.thread == root.thread:
            children[id(span.parent)].append(span)
    drawn: list[FlameSpan] = []

    def draw(span: Span) -> None:
        drawn.append(_drawn(span, root, [span]))
        short: list[Span] = []
        if span.depth >= deepest:
            return
        for child in children[id(span)]:
            if child.duration_us < shortest:
                if short and child.start_us - short[-1].end_us >= shortest:
                    flush(short)
                short.append(child)
                continue
            flush(short)
            draw(child)
        flush(short)

    def flush(short: list[Span]) -> None:
        if short and short[-1].end_us - short[0].start_us >= shortest:
            drawn.append(_drawn(short[0], root, short))
        short.clear()

    draw(root)
    return tuple(sorted(drawn, key=lambda span: (span.depth, span.start_ms)))


def _drawn(first: Span, root: Span, spans: list[Span]) -> FlameSpan:
    return FlameSpan(
        name=first.name if len(spans) == 1 else f"{len(spans)} short calls",
        region=first.region,
        pass_=first.pass_,
        depth=first.depth,
        start_ms=(first.start_us - root.start_us) / 1e3,
        duration_ms=(spans[-1].end_us - first.start_us) / 1e3,
        merged=len(spans),
    )


def memory_timeline(trace: Trace, step: int) -> tuple[MemoryPoint, ...]:
    """Memory held over one step; of many moments the highest of each 1200th of them is kept."""
    root = trace.steps[step]
    points = [MemoryPoint(0.0, 0, "")]
    points += [
        MemoryPoint(
            (event.time_us - root.start_us) / 1e3, held, event.span.region if event.span else ""
        )
        for event, held in held_bytes(trace, step)
    ]
    last = MemoryPoint(root.duration_us / 1e3, points[-1].held_bytes, points[-1].region)
    size = -(-len(points) // _MEMORY_POINTS)
    groups = (points[first : first + size] for first in range(0, len(points), size))
    return (*(max(group, key=lambda point: point.held_bytes) for group in groups), last)
