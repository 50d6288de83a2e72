"""Names for the parts of a pass: a profiler shows them, nothing else notices."""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch.profiler import record_function

REGIONS: tuple[str, ...] = (
    "embed",
    "norm",
    "reorder",
    "in_proj",
    "conv",
    "x_proj",
    "scan",
    "scan_fwd",
    "scan_bwd",
    "gate",
    "qkv",
    "attention",
    "out_proj",
    "mlp",
    "head",
)
"""Every part that models name, in the order of a pass.

`scan` is both directions' scans with step sizes, sum and gate in one kernel, where that kernel
runs; `scan_fwd` and `scan_bwd` are the scans one by one.
"""

_UNSEEN = nullcontext()


def region(name: str) -> AbstractContextManager:
    """Names what runs inside the block for a profiler of this thread; otherwise does nothing.

    `name` is one of `REGIONS`, or says what a region is made of: "layer 3", "numba::scan_forward".
    """
    return record_function(name) if torch.autograd._profiler_enabled() else _UNSEEN
