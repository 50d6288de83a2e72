"""One point in a process of its own: clean peaks, a cap on time and memory, and nothing else dies.

The process reads a point from standard input and writes its result into a file that is named
there. It is run as `python -m analysis.profiling.sweep.isolated`.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from analysis.ops.heap import keep_freed_memory
from analysis.profiling.sweep.point import (
    FAILED,
    OUT_OF_MEMORY,
    OVER_TIME,
    CostPoint,
    PointResult,
    point_from_row,
    result_from_row,
)

_ROOT = Path(__file__).parents[3]
_POLL_S = 0.05
_KILLED = -9
_MEMORY_SHARE = 0.9


@dataclass(frozen=True)
class Limits:
    """How a point is run: see the fields of the same names of `SweepSpec`."""

    timing_s: float = 3.0
    time_cap_s: float = 180.0
    memory_cap_bytes: int | None = None
    threads: int | None = None


class Cancelled(Exception):
    """The caller wanted no more."""


def measure_isolated(
    point: CostPoint, limits: Limits, cancelled: Callable[[], bool] = lambda: False
) -> PointResult:
    """Measures a point in a fresh process and always comes back with a result.

    Raises Cancelled, with the process ended, soon after `cancelled()` is true.
    """
    with tempfile.TemporaryDirectory(prefix="scanscope-point-") as folder:
        answer = Path(folder) / "result.json"
        errors = Path(folder) / "errors.txt"
        task = {"point": point.row(), "limits": limits.__dict__, "answer": str(answer)}
        with errors.open("wb") as stderr:
            process = subprocess.Popen(
                [sys.executable, "-m", __name__],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                cwd=_ROOT,
                env=_environment(limits),
            )
        in_time = _waited(process, json.dumps(task).encode(), limits.time_cap_s, cancelled)
        if answer.exists():
            return result_from_row(json.loads(answer.read_text()))
        unfinished = PointResult(point, FAILED, tokens=point.tokens)
        if not in_time:
            note = f"stopped after {limits.time_cap_s:g} s"
            return replace(unfinished, status=OVER_TIME, note=note)
        if process.returncode == _KILLED:
            note = "ended by the operating system, which does so when memory runs out"
            return replace(unfinished, status=OUT_OF_MEMORY, note=note)
        lines = errors.read_text(errors="replace").strip().splitlines()
        return replace(unfinished, note=lines[-1][:300] if lines else "the process ended early")


def _environment(limits: Limits) -> dict[str, str]:
    environment = dict(os.environ)
    if limits.threads is not None:
        # Ray and others set these for their workers; the point's own number has to win.
        environment |= dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(limits.threads))
    return environment


def _waited(
    process: subprocess.Popen, task: bytes, cap_s: float, cancelled: Callable[[], bool]
) -> bool:
    """Whether the process ended by itself within the cap; it has ended in any case."""
    deadline = time.monotonic() + cap_s
    try:
        feeding = threading.Thread(target=_feed, args=(process, task), daemon=True)
        feeding.start()
        while process.poll() is None:
            if cancelled():
                raise Cancelled
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_S)
        return True
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def _feed(process: subprocess.Popen, task: bytes) -> None:
    with contextlib.suppress(OSError, ValueError):  # it may end before it reads: its code tells
        process.communicate(task)


def main() -> None:
    """The process of one point."""
    task = json.load(sys.stdin)
    point, limits = point_from_row(task["point"]), Limits(**task["limits"])
    _prefer_to_die()
    keep_freed_memory()
    import torch

    from analysis.profiling.sweep.measure import measure_point
    from analysis.weights.shipped import replace_file

    if limits.threads is not None:
        torch.set_num_threads(limits.threads)
    result = measure_point(point, limits.timing_s, lambda: _cap_memory(point, limits))
    replace_file(Path(task["answer"]), json.dumps(result.row()).encode())


def _prefer_to_die() -> None:
    """Where memory runs out all the same, Linux should end this process and no other."""
    try:
        Path("/proc/self/oom_score_adj").write_text("1000")
    except OSError:
        return


def _cap_memory(point: CostPoint, limits: Limits) -> None:
    """Let allocations fail before the machine runs out. CUDA's allocator does so by itself."""
    if point.curve.device != "cpu":
        return
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    from analysis.profiling.machine import free_memory_bytes, private_bytes

    held, free = private_bytes(), free_memory_bytes()
    if held is None or (free is None and limits.memory_cap_bytes is None):
        return
    cap = limits.memory_cap_bytes or int(_MEMORY_SHARE * free)
    resource.setrlimit(resource.RLIMIT_DATA, (held + cap, held + cap))


if __name__ == "__main__":
    main()
