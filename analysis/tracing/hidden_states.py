"""Hidden states of a traced scan: streamed, or kept where they fit a stated budget."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from analysis.tracing.scan_trace import ScanTrace

DEFAULT_CHUNK_BYTES = 32 * 2**20
DEFAULT_BUDGET_BYTES = 512 * 2**20


@torch.no_grad()
def state_chunks(
    scan: ScanTrace, *, chunk_bytes: int = DEFAULT_CHUNK_BYTES
) -> Iterator[tuple[int, Tensor]]:
    """The states along a scan, a few steps at a time: (first step, h (steps, E, N)).

    h[i] is the state after the token of that step was taken in (analysis spec, section 1, step
    5), in scan order. A chunk holds at most `chunk_bytes`, and at least one step.
    """
    A, positions = scan.A, scan.positions
    per_step = A.numel() * A.element_size()
    size = max(1, chunk_bytes // per_step)
    state = torch.zeros_like(A)
    for first in range(0, len(positions), size):
        read = positions[first : first + size]
        decay = torch.exp(scan.dt[read, :, None] * A)
        chunk = (scan.dt[read] * scan.u[read])[:, :, None] * scan.B[read, None]
        for i in range(len(read)):
            state = torch.addcmul(chunk[i], decay[i], state)
            chunk[i] = state
        yield first, chunk


def hidden_states(
    scan: ScanTrace,
    steps: Sequence[int] | None = None,
    *,
    budget_bytes: int = DEFAULT_BUDGET_BYTES,
) -> Tensor:
    """States (steps, E, N) after the given steps of a scan, all of them by default.

    Raises ValueError, one sentence, where they would need more than `budget_bytes`, and for steps
    the scan does not have.
    """
    length = len(scan.positions)
    wanted = torch.arange(length) if steps is None else torch.as_tensor(steps, dtype=torch.long)
    if len(wanted) and not (wanted.min() >= 0 and wanted.max() < length):
        raise ValueError(f"the scan has steps 0 to {length - 1}, got {wanted.tolist()}")
    needed = len(wanted) * scan.A.numel() * scan.A.element_size()
    if needed > budget_bytes:
        raise ValueError(
            f"{len(wanted)} states of {scan.A.shape[0]} x {scan.A.shape[1]} need {needed} bytes, "
            f"more than the budget of {budget_bytes}; ask for fewer steps or stream them"
        )
    states = scan.A.new_empty(len(wanted), *scan.A.shape)
    for first, chunk in state_chunks(scan):
        here = (wanted >= first) & (wanted < first + len(chunk))
        states[here] = chunk[wanted[here] - first]
    return states
