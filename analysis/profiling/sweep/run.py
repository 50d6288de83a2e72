"""A whole sweep: point after point into one file that a stopped sweep goes on from."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from analysis.profiling.errors import ProfilingError
from analysis.profiling.machine import differing_facts, machine
from analysis.profiling.sweep.isolated import Limits, measure_isolated
from analysis.profiling.sweep.point import (
    FAILED,
    NOT_RUN,
    OUT_OF_MEMORY,
    OVER_TIME,
    CostPoint,
    PointResult,
    merged,
    result_from_row,
)
from analysis.profiling.sweep.spec import SweepSpec, spec_from_row
from analysis.weights.shipped import replace_file

FORMAT = "scanscope cost sweep 1"
Execute = Callable[[list[CostPoint], Limits, Callable[[], bool]], Iterator[PointResult]]
"""Runs some points and yields their results as they come, in any order; stops when told to."""


@dataclass(frozen=True, eq=False)
class Sweep:
    """What was measured so far. `measurements` has a result per point and repeat, as they came.

    Two sweeps are the same only if they are one object, which makes them cheap to tell apart.
    """

    spec: SweepSpec
    machine: dict[str, Any]
    measurements: tuple[PointResult, ...] = ()

    @cached_property
    def results(self) -> tuple[PointResult, ...]:
        """One result per point, repeats merged, from the smallest size on, curves in turn."""
        by_point: dict[CostPoint, list[PointResult]] = {}
        for result in self.measurements:
            by_point.setdefault(result.point, []).append(result)
        planned = [point for rank in self.spec.ranks for point in rank]
        return tuple(merged(by_point[point]) for point in planned if point in by_point)

    @property
    def complete(self) -> bool:
        """Whether every point was measured as often as the sweep asks, or cannot be."""
        return not any(
            self.remaining(repeat, rank)
            for repeat in range(self.spec.repeats)
            for rank in self.spec.ranks
        )

    def remaining(self, repeat: int, rank: tuple[CostPoint, ...]) -> list[CostPoint]:
        """Points of a rank that were not measured `repeat` + 1 times yet. Failed ones are again."""
        done: dict[CostPoint, int] = {}
        for result in self.measurements:
            if result.status != FAILED:
                done[result.point] = done.get(result.point, 0) + 1
        return [point for point in rank if done.get(point, 0) <= repeat]

    def over_limit(self, point: CostPoint) -> PointResult | None:
        """The result of a smaller point of the same curve that was already too much."""
        work = point.tokens * point.batch
        for result in self.measurements:
            smaller = result.all_tokens <= work and result.point != point
            too_much = result.status in (OUT_OF_MEMORY, OVER_TIME)
            if too_much and smaller and result.point.curve == point.curve:
                return result
        return None

    def row(self) -> dict[str, Any]:
        """As JSON; `read_sweep` reads it."""
        return {
            "format": FORMAT,
            "spec": self.spec.row(),
            "machine": self.machine,
            "measurements": [result.row() for result in self.measurements],
        }


def in_process(
    points: list[CostPoint], limits: Limits, cancelled: Callable[[], bool]
) -> Iterator[PointResult]:
    """One point after another, each in a fresh process of this machine."""
    for point in points:
        yield measure_isolated(point, limits, cancelled)


def run_sweep(
    spec: SweepSpec,
    file: Path | None = None,
    *,
    execute: Execute = in_process,
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[Sweep]:
    """Measures what `file` lacks and yields the sweep after every point, the first time at once.

    The file is replaced after every point, so nothing is lost however the sweep ends. A point
    larger than one of its curve that ran out of memory or time is not run and says why.

    Raises ProfilingError for a file of another sweep or of another machine, and Cancelled soon
    after `cancelled()` is true.
    """
    sweep = _begun(spec, file)
    limits = Limits(spec.timing_s, spec.time_cap_s, spec.memory_cap_bytes, spec.threads)
    yield sweep
    for repeat in range(spec.repeats):
        for rank in spec.ranks:
            wanted = []
            for point in sweep.remaining(repeat, rank):
                reason = sweep.over_limit(point)
                if reason is None:
                    wanted.append(point)
                else:
                    sweep = _kept(sweep, _not_run(point, reason), file)
                    yield sweep
            for result in execute(wanted, limits, cancelled):
                sweep = _kept(sweep, result, file)
                yield sweep


def read_sweep(file: str | Path) -> Sweep:
    """A sweep from its file. Raises ProfilingError with one sentence."""
    try:
        row = json.loads(Path(file).read_text(encoding="utf-8"))
    except OSError:
        raise ProfilingError(f"There is no sweep file {str(file)!r}.") from None
    except ValueError:
        raise ProfilingError(f"{Path(file).name} is not JSON.") from None
    if not isinstance(row, dict) or row.get("format") != FORMAT:
        raise ProfilingError(f"{Path(file).name} is not a file that `profile sweep` wrote.")
    return Sweep(
        spec_from_row(row["spec"]),
        row["machine"],
        tuple(result_from_row(result) for result in row["measurements"]),
    )


def _begun(spec: SweepSpec, file: Path | None) -> Sweep:
    if spec.device != "cpu" and not torch.cuda.is_available():
        raise ProfilingError(
            f"The sweep is for {spec.device}, and torch finds no CUDA GPU here; set device to cpu."
        )
    here = machine(spec.device, spec.threads)
    if file is None or not file.exists():
        return Sweep(spec, here)
    earlier = read_sweep(file)
    if earlier.spec != spec:
        raise ProfilingError(
            f"{file.name} holds another sweep; name another file, or remove it to begin anew."
        )
    differing = differing_facts(earlier.machine, here)
    if differing:
        raise ProfilingError(
            f"{file.name} was measured on another machine ({', '.join(differing)} differ); name "
            "another file, or remove it to begin anew."
        )
    return earlier


def _kept(sweep: Sweep, result: PointResult, file: Path | None) -> Sweep:
    sweep = replace(sweep, measurements=(*sweep.measurements, result))
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        replace_file(file, json.dumps(sweep.row(), indent=1).encode())
    return sweep


def _not_run(point: CostPoint, reason: PointResult) -> PointResult:
    what = "ran out of memory" if reason.status == OUT_OF_MEMORY else "took too long"
    size = f"{reason.point.num_frames} frames of {reason.point.image_size} pixels"
    batch = f", {reason.point.batch} clips" if reason.point.batch > 1 else ""
    return PointResult(
        point, NOT_RUN, f"not run: {size}{batch} already {what}", tokens=point.tokens
    )
