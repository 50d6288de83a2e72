"""One direction's selective scan, and the hidden states that its kernel does not give out."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from analysis.ops.selective_scan import selective_scan


@dataclass(frozen=True, eq=False)
class ScanInputs:
    """What a selective scan is given, with the letters of `selective_scan`.

    u, delta (B, E, L), delta before bias and softplus; A (E, N); B, C (B, N, L); D, delta_bias
    (E,). `reverse` reads from the last token to the first; nothing is flipped.
    """

    u: Tensor
    delta: Tensor
    A: Tensor
    B: Tensor
    C: Tensor
    D: Tensor
    delta_bias: Tensor
    reverse: bool = False

    def output(self) -> Tensor:
        """y (B, E, L)."""
        return self._scanned(self.C, self.D)

    def mean_state(self) -> Tensor:
        """The mean over n of every token's states (B, E, L), by one scan that stores none."""
        return self._scanned(torch.full_like(self.C, 1 / self.A.shape[1]), None)

    def _scanned(self, C: Tensor, D: Tensor | None) -> Tensor:
        return selective_scan(
            self.u,
            self.delta,
            self.A,
            self.B,
            C,
            D,
            delta_bias=self.delta_bias,
            delta_softplus=True,
            reverse=self.reverse,
        )

    def states(self, channels: slice = slice(None)) -> Tensor:
        """The state of every token after it was read, (B, L, E', N), of E' of the channels.

        A channel with N states is N channels with one state each, so the same kernels serve.
        """
        u, delta = self.u[:, channels], self.delta[:, channels] + self.delta_bias[channels, None]
        A = self.A[channels]
        # Channels last, as the kernels read and write them.
        writes = u.transpose(1, 2)[..., None] * self.B.transpose(1, 2)[:, :, None]
        steps = F.softplus(delta).transpose(1, 2)[..., None].expand_as(writes)
        ones = u.new_ones(len(u), 1, u.shape[2])
        states = selective_scan(
            writes.flatten(2).transpose(1, 2),
            steps.flatten(2).transpose(1, 2),
            A.reshape(-1, 1),
            ones,
            ones,
            reverse=self.reverse,
        )
        return states.transpose(1, 2).unflatten(2, A.shape)
