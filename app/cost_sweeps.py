"""Cost sweeps for the page: those that came with the code, and those measured on this server."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Lock
from typing import TYPE_CHECKING

import torch

from analysis.profiling.sweep.spec import REFERENCE_FOLDER, SweepSpec

if TYPE_CHECKING:  # It brings what only a measurement needs; the page opens without.
    from analysis.profiling.sweep.run import Sweep

REFERENCES = {
    "cpu_112": "Two cores of an EPYC, Ti against TimeSformer, 4 to 32 frames of 112 px",
    "cpu_224": "Two cores of an EPYC, Ti to M against TimeSformer, 2 to 8 frames of 224 px",
    "paper_figure_1": "{gpu} reference, Ti to M against TimeSformer, 8 to 64 frames of 224 px",
}
HERE = "here"
START_S = 5.0
"""What starting the process of a point takes, before anything is measured."""


def shown_sweeps() -> dict[str, str]:
    """Names and titles of the sweeps that can be shown without measuring."""
    return {
        name: title.format(gpu=_gpu(name)) if "{gpu}" in title else title
        for name, title in REFERENCES.items()
        if reference_file(name).exists()
    }


def _gpu(name: str) -> str:
    """The short name of the GPU that a reference was measured on: NVIDIA H200 is H200."""
    machine = json.loads(reference_file(name).read_text(encoding="utf-8"))["machine"]
    return machine.get("gpu", machine["device"]).removeprefix("NVIDIA ")


def reference_file(name: str) -> Path:
    """Where a reference sweep is kept."""
    return REFERENCE_FOLDER / f"{name}.json"


def reference_sweep(name: str) -> Sweep:
    """One of `shown_sweeps`."""
    from analysis.profiling.sweep.run import read_sweep

    return read_sweep(reference_file(name))


def estimated_s(spec: SweepSpec) -> float:
    """About how long a sweep takes; large points take longer than their share."""
    points = spec.repeats * sum(map(len, spec.ranks))
    return points * (START_S + 2 * spec.timing_s)


def measurable_devices() -> tuple[str, ...]:
    """Where this server can measure, the fastest last."""
    return ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",)


class CostRuns:
    """Sweeps of this server's visitors: one file per sweep, one switch per visitor to stop."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._stops: dict[str, Event] = {}
        self._lock = Lock()

    def file(self, spec: SweepSpec) -> Path:
        """Where a sweep is kept between visits."""
        return self._folder / f"{spec.key}.json"

    def known(self, spec: SweepSpec) -> Sweep | None:
        """What was measured of a sweep before, on this machine as it is now."""
        from analysis.profiling.machine import differing_facts, machine
        from analysis.profiling.sweep.run import read_sweep

        if not self.file(spec).exists():
            return None
        sweep = read_sweep(self.file(spec))
        here = machine(spec.device, spec.threads)
        return None if differing_facts(sweep.machine, here) else sweep

    def measure(self, spec: SweepSpec, visitor: str) -> Iterator[Sweep]:
        """Measures what is missing, or everything anew where nothing is; stops with `stop`."""
        from analysis.profiling.sweep.isolated import Cancelled
        from analysis.profiling.sweep.on_ray import chosen_execution
        from analysis.profiling.sweep.run import run_sweep

        known = self.known(spec)
        if known is None or known.complete:
            self.file(spec).unlink(missing_ok=True)
        stop = Event()
        with self._lock:
            self._stops[visitor] = stop
        try:
            yield from run_sweep(
                spec, self.file(spec), execute=chosen_execution(), cancelled=stop.is_set
            )
        except Cancelled:
            return
        finally:
            with self._lock:
                self._stops.pop(visitor, None)

    def stop(self, visitor: str) -> bool:
        """Ends a visitor's sweep soon; whether there was one. What was measured is kept."""
        with self._lock:
            stop = self._stops.get(visitor)
        if stop is not None:
            stop.set()
        return stop is not None


def tokens_of_paper() -> int:
    """L of the size that the paper's ratios are given for."""
    from analysis.profiling.sweep.summary import PAPER_FRAMES, PAPER_IMAGE_SIZE

    return 1 + PAPER_FRAMES * math.prod([PAPER_IMAGE_SIZE // 16] * 2)
