"""What adaptors add to a scan: states of chosen tokens, and the surroundings of the output."""

import copy
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from analysis.layers.mixer import BidirectionalMixer
from analysis.layers.token_grid import TokenGrid
from analysis.ops.selective_scan import selective_scan

Around = Callable[[Tensor], Tensor]
"""What Adaptor-S adds to y (G, L, E), in the same shape."""


@dataclass(frozen=True, eq=False)
class Memory:
    """Whose states every token reads (Adaptor-T), places and coefficients held as they are.

    Tokens stand in canonical order. index, weights: (L, S, J) tokens and how much each counts; the
    channels stand in S equal groups. gamma: (E,).
    """

    index: Tensor
    weights: Tensor
    gamma: Tensor

    def read(self, states: Tensor) -> Tensor:
        """gamma times the states (G, L, E) that each token reads."""
        groups = torch.arange(self.index.shape[1])
        apart = states.unflatten(-1, (len(groups), -1))
        chosen = sum(
            self.weights[:, :, place, None] * apart[:, self.index[:, :, place], groups]
            for place in range(self.index.shape[2])
        )
        return self.gamma * chosen.flatten(2)


@dataclass(frozen=True, eq=False)
class Enrichment:
    """The adaptors of one scan; either may be missing."""

    memory: Memory | None
    around: Around | None

    def __call__(
        self, y: Tensor, u: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, steps: Tensor
    ) -> Tensor:
        """y (G, L, E) of a scan with what its adaptors add, in canonical order.

        u (G, L, E), dt (L, E) and B (L, N) in scan order, as the scan that gave y was run; C (L, N)
        and steps (L,) in canonical order. With dt, B, C given it is linear in u and y.
        """
        if self.memory is not None:
            for state in range(A.shape[1]):
                one = slice(state, state + 1)
                states = _states(u, dt, A[:, one], B[:, one])[:, steps]
                y = y + C[:, one] * self.memory.read(states)
        return y if self.around is None else y + self.around(y)


def _states(u: Tensor, dt: Tensor, A: Tensor, B: Tensor) -> Tensor:
    """One of the N states of every channel after each step, (G, L, E)."""
    batch = len(u)
    ones = torch.ones_like(B)
    shared = [x.T.expand(batch, -1, -1) for x in (dt, B, ones)]
    return selective_scan(u.transpose(1, 2), shared[0], A, *shared[1:], None).transpose(1, 2)


def surroundings_of(mixer: BidirectionalMixer, grid: TokenGrid) -> Around | None:
    """What a mixer's Adaptor-S does, with the parameters it has now; None without one."""
    if mixer.adaptor_s is None:
        return None
    adaptor = copy.deepcopy(mixer.adaptor_s).cpu().requires_grad_(False)
    return lambda y: adaptor(y.transpose(1, 2), grid).transpose(1, 2)


@torch.no_grad()
def memory_of(
    mixer: BidirectionalMixer, grid: TokenGrid, token_order: str, suffix: str, inner: Tensor
) -> Memory | None:
    """What a mixer's Adaptor-T chooses for inner tokens (L, E) in canonical order; None without.

    suffix: "" or "_b", as the direction's parameters end.
    """
    if mixer.adaptor_t is None:
        return None
    read, back = grid.sequence(token_order, mixer.in_proj.weight.device)
    scan = mixer.scan_inputs(inner.to(read.device)[None, read], suffix)
    adaptor = mixer.adaptor_t.of_direction(int(scan.reverse))
    chosen = adaptor.select(scan.mean_state().transpose(1, 2), scan.reverse, grid, back)
    return Memory(
        index=read[chosen.index[0]][back].cpu(),
        weights=chosen.weights[0][back].to(inner.dtype).cpu(),
        gamma=adaptor.gamma.detach().cpu(),
    )
