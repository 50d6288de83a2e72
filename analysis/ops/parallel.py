"""Running one compiled kernel over a range of independent blocks on several cores.

Numba's own threading layers were passed over on purpose: `workqueue` aborts the process when two
Python threads enter a parallel kernel at once, which a server does, and GNU OpenMP does not
survive a fork. Kernels here are compiled with `nogil` and called from ordinary threads instead.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

import torch

from analysis.ops.region import region

_WORTH_A_THREAD = 1 << 15
"""Numbers to be worked on below which waking a thread takes longer than it saves."""
_NEAR = 1 << 16
"""Numbers of a part that stay in the second-level cache while they are read once more."""

_lock = Lock()
_pool: ThreadPoolExecutor | None = None


def _forget_pool() -> None:
    """Threads do not survive a fork: the child starts a pool of its own on first use."""
    global _pool, _lock
    _pool, _lock = None, Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pool)


def _thread_pool() -> ThreadPoolExecutor:
    global _pool
    with _lock:
        if _pool is None:
            _pool = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="scan-kernel")
        return _pool


def part_length(length: int, width: int) -> int:
    """Into parts of which length a sequence of `length` rows of `width` numbers is cut.

    The same number of parts for every thread, and for fewer threads where the sequence is short.
    """
    numbers = length * width
    threads = max(1, min(torch.get_num_threads(), numbers // _WORTH_A_THREAD))
    parts = threads * -(-numbers // (threads * _NEAR))
    return -(-length // parts)


def run_blocks(kernel: Callable[..., None], blocks: int, *arguments: object) -> None:
    """Calls `kernel(first, last, *arguments)` so that [0, blocks) is covered once.

    The range is cut into `torch.get_num_threads()` parts; the calling thread works on one of them.
    The kernel must release the GIL and write to places that belong to its blocks alone. A profiler
    sees one call of "numba::" and the kernel's name.
    """
    with region(f"numba::{kernel.__name__}"):
        _run_parts(kernel, blocks, arguments)


def _run_parts(kernel: Callable[..., None], blocks: int, arguments: Sequence[object]) -> None:
    workers = min(torch.get_num_threads(), blocks)
    if workers <= 1:
        kernel(0, blocks, *arguments)
        return
    bounds = [blocks * part // workers for part in range(workers + 1)]
    pool = _thread_pool()
    futures = [
        pool.submit(kernel, bounds[part], bounds[part + 1], *arguments)
        for part in range(1, workers)
    ]
    kernel(bounds[0], bounds[1], *arguments)
    for future in futures:
        future.result()
