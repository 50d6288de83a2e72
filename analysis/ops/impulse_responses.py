"""What a scan with given step sizes, B and C makes of a short impulse from each of many tokens.

These are the columns of the matrix that a selective scan multiplies its input by, or sums of
neighbouring columns.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from analysis.ops.parallel import run_blocks
from analysis.ops.selective_scan import choose_implementation, selective_scan


class ImpulseResponses:
    """A scan whose step sizes, B and C are given, ready to be asked for impulse responses.

    delta (L, E), step sizes after softplus; A (E, N); B, C (L, N); tokens in the order of the
    scan. There is no skip D.

    Runs compiled for float32 wherever the selective scan does, keeping all L x N x E decays;
    elsewhere as one scan an impulse.
    """

    def __init__(self, delta: Tensor, A: Tensor, B: Tensor, C: Tensor):
        self._delta, self._A, self._B, self._C = (x.detach().contiguous() for x in (delta, A, B, C))
        compiled = delta.dtype == torch.float32 and choose_implementation(delta) == "cpu"
        self._decays = _grouped_decays(self._delta, self._A) if compiled else None

    def __call__(self, starts: Tensor, impulses: Tensor) -> Tensor:
        """Scan outputs (S, L, E) of S inputs that are zero but for a few tokens.

        Input i is impulses[i] (K, E) from token starts[i] on; what lies past the last token is
        lost. Outputs before the start are exact zeros.
        """
        return (self._naive if self._decays is None else self._compiled)(starts, impulses)

    def _naive(self, starts: Tensor, impulses: Tensor) -> Tensor:
        u = place_impulses(impulses, starts, len(self._delta))

        def shared(x: Tensor) -> Tensor:
            return x.T.expand(len(u), -1, -1)

        tokens = (shared(x) for x in (self._B, self._C))
        y = selective_scan(u.transpose(1, 2), shared(self._delta), self._A, *tokens)
        return y.transpose(1, 2)

    def _compiled(self, starts: Tensor, impulses: Tensor) -> Tensor:
        from analysis.ops.impulse_kernels import impulse_forward

        (length, channels), states = self._delta.shape, self._A.shape[1]
        count, taps, _ = impulses.shape
        out = torch.zeros(count, length, channels)
        flat = (self._decays, self._delta, self._B, self._C, impulses.detach().contiguous())
        run_blocks(
            impulse_forward,
            count * len(self._decays),
            *(x.view(-1).numpy() for x in flat),
            starts.contiguous().numpy(),
            out.view(-1).numpy(),
            taps,
            length,
            channels,
            states,
        )
        return out


def place_impulses(impulses: Tensor, starts: Tensor, length: int) -> Tensor:
    """Impulses (S, K, E) as sequences (S, L, E) that are zero elsewhere."""
    count, taps, channels = impulses.shape
    u = impulses.new_zeros(count, length + taps, channels)
    at = (starts[:, None] + torch.arange(taps))[..., None].expand_as(impulses)
    return u.scatter_(1, at, impulses)[:, :length]


def _grouped_decays(delta: Tensor, A: Tensor) -> Tensor:
    """exp(delta A) as (channel groups, L, N, channels of a group), each group in one piece."""
    from analysis.ops.lane_code import LANES

    padding = (0, -delta.shape[1] % LANES)
    steps = F.pad(delta, padding).unflatten(1, (-1, LANES)).transpose(0, 1).contiguous()
    rates = F.pad(A.T, padding).unflatten(1, (-1, LANES)).transpose(0, 1).contiguous()
    return torch.exp(steps[:, :, None] * rates[:, None])
