"""How full a scan's state is: its norm along the scan and its effective rank."""

from dataclasses import dataclass

import torch
from torch import Tensor

from analysis.tracing.hidden_states import hidden_states, state_chunks
from analysis.tracing.scan_trace import ScanTrace


@dataclass(frozen=True, eq=False)
class StateContent:
    """The state along a scan.

    norm: (L,) Frobenius norm after each step, in scan order. steps: (K,) of which the rank was
    taken; rank: (K,) effective rank there, 1 to N (0 for an empty state).
    """

    norm: Tensor
    steps: Tensor
    rank: Tensor


@torch.no_grad()
def state_content(scan: ScanTrace, ranks: int = 32) -> StateContent:
    """State norms over the whole scan and effective ranks at `ranks` evenly spaced steps."""
    norm = torch.cat([chunk.flatten(1).norm(dim=1) for _, chunk in state_chunks(scan)])
    length = len(norm)
    steps = torch.linspace(0, length - 1, min(ranks, length)).round().long()
    states = hidden_states(scan, steps.tolist())
    return StateContent(norm, steps, effective_rank(states))


def effective_rank(states: Tensor) -> Tensor:
    """exp of the entropy of the normalised squared singular values of (..., E, N) matrices.

    Analysis spec, section 5; 1 for one direction, the smaller side for all alike.
    """
    energy = torch.linalg.svdvals(states).square()
    total = energy.sum(-1, keepdim=True)
    shares = energy / torch.where(total == 0, 1, total)
    rank = torch.exp(-torch.xlogy(shares, shares).sum(-1))
    return torch.where(total[..., 0] == 0, torch.zeros_like(rank), rank)
