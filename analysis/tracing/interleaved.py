"""Timing several calls so that a machine that slows down slows all of them."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Timing:
    """Times of one call in milliseconds over `runs` runs."""

    median_ms: float
    fastest_ms: float
    runs: int


def interleaved_timings(
    calls: Mapping[str, Callable[[], object]],
    *,
    rounds: int,
    shortest_round_ms: float = 50.0,
    most_runs_a_round: int = 20,
    settle: bool = False,
) -> dict[str, Timing]:
    """Medians of each call, all of them run in turn in every round.

    One round runs a short call several times, until `shortest_round_ms` have passed, so that fast
    and slow calls are spread over the same minutes. A first, unmeasured turn warms up. `settle`
    begins every turn with an unmeasured run: what the call before left to do, such as gigabytes of
    freed memory that a virtual machine gives back, is not counted with this one. On CUDA the device
    is waited for on both sides of a call.
    """
    times: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()
    for _ in range(rounds):
        for name, call in calls.items():
            spent = 0.0
            if settle:
                call()
            for _ in range(most_runs_a_round):
                elapsed = _elapsed_ms(call)
                times[name].append(elapsed)
                spent += elapsed
                if spent >= shortest_round_ms:
                    break
    return {
        name: Timing(statistics.median(values), min(values), len(values))
        for name, values in times.items()
    }


def _elapsed_ms(call: Callable[[], object]) -> float:
    _wait()
    began = time.perf_counter()
    call()
    _wait()
    return 1e3 * (time.perf_counter() - began)


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
