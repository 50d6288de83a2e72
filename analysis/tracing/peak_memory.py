"""Peak memory of one call, above what was held when it began.

On CUDA the allocator keeps its own peak. On Linux the kernel keeps the highest resident size of
the process and lets it be reset, so the transient peak inside a call is seen, not only what is
left at its end. Elsewhere there is no such reading and the answer is None, never a guess.
"""

import ctypes
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch

Result = TypeVar("Result")

_STATUS = Path("/proc/self/status")
_CLEAR_REFS = Path("/proc/self/clear_refs")

ALLOCATOR_PEAK = "peak of the CUDA allocator during the call, less what was allocated before"
RESIDENT_PEAK = "peak resident memory of the process during the call, less the size before"
UNMEASURED = "not measured: this system reports no resettable memory peak"


@dataclass(frozen=True)
class PeakMemory:
    """Memory above the baseline at the highest moment of a call, and how it was read.

    The resident size belongs to the whole process: what other threads allocate meanwhile counts
    too. `memory_bytes` is None where nothing could be read.
    """

    memory_bytes: int | None
    method: str


def measure_peak_memory(
    call: Callable[[], Result], device: torch.device | str = "cpu"
) -> tuple[Result, PeakMemory]:
    """Run `call` once; give its result and the peak memory it needed on `device`.

    Weights and inputs that exist before the call are part of the baseline and not counted.
    Errors of the call pass through unchanged.
    """
    if torch.device(device).type == "cuda":
        return _with_allocator_peak(call, torch.device(device))
    return _with_resident_peak(call)


def _with_allocator_peak(
    call: Callable[[], Result], device: torch.device
) -> tuple[Result, PeakMemory]:
    torch.cuda.synchronize(device)
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    result = call()
    torch.cuda.synchronize(device)
    peak = torch.cuda.max_memory_allocated(device)
    return result, PeakMemory(max(peak - before, 0), ALLOCATOR_PEAK)


def _with_resident_peak(call: Callable[[], Result]) -> tuple[Result, PeakMemory]:
    before = _resident_bytes_with_peak_reset()
    result = call()
    peak = process_bytes("VmHWM")
    if before is None or peak is None:
        return result, PeakMemory(None, UNMEASURED)
    return result, PeakMemory(max(peak - before, 0), RESIDENT_PEAK)


def _resident_bytes_with_peak_reset() -> int | None:
    """The resident size after the peak was set back to it; None where that is not possible."""
    _return_free_heap()
    try:
        _CLEAR_REFS.write_text("5")  # proc(5): 5 resets the peak resident size
    except OSError:
        return None
    return process_bytes("VmRSS")


def _return_free_heap() -> None:
    """Freed memory that the C library keeps would hide in the baseline: hand it back first."""
    if os.name == "posix":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc only
        if trim is not None:
            trim(0)


def process_bytes(field: str) -> int | None:
    """A size that Linux keeps of this process, such as "VmRSS"; None on other systems."""
    return kernel_bytes(_STATUS, field)


def kernel_bytes(file: Path, field: str) -> int | None:
    """A size from a file of lines like "MemTotal: 1024 kB"; None where there is none."""
    try:
        lines = file.read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    return None
