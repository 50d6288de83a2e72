"""The gate of a mixer, applied once to the sum of its two directions."""

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from analysis.ops.channel_last import channel_last, memory
from analysis.ops.parallel import part_length, run_blocks
from analysis.ops.selective_scan import choose_implementation


def gated_sum(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """(x + y) * silu(z) for (B, E, L) tensors; differentiable.

    The published mixer gates each direction and adds; both have the same gate, so gating the sum
    is the same and reads z once.

    Runs compiled wherever the selective scan does, in plain PyTorch elsewhere.
    """
    if choose_implementation(x) == "cpu":
        return _GatedSum.apply(x, y, z)
    return gated_sum_naive(x, y, z)


def gated_sum_naive(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """The specification of `gated_sum` in plain PyTorch, for any device and dtype."""
    return (x + y) * F.silu(z)


class _GatedSum(Function):
    @staticmethod
    def forward(ctx, x, y, z):
        from analysis.ops.gate_kernels import gate_forward

        batch, channels, length = x.shape
        out = torch.empty(batch, length, channels)
        part = part_length(length, channels)
        run_blocks(
            gate_forward,
            batch * -(-length // part),
            *(piece for tensor in (x, y, z) for piece in memory(channel_last(tensor))),
            out.view(-1).numpy(),
            channels,
            length,
            part,
        )
        ctx.save_for_backward(x, y, z)
        return out.transpose(1, 2).to(x.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx, g_out):
        from analysis.ops.gate_kernels import gate_backward

        x, y, z = ctx.saved_tensors
        batch, channels, length = x.shape
        g_sum, g_z = (torch.empty(batch, length, channels) for _ in range(2))
        part = part_length(length, channels)
        run_blocks(
            gate_backward,
            batch * -(-length // part),
            *(piece for tensor in (x, y, z, g_out) for piece in memory(channel_last(tensor))),
            g_sum.view(-1).numpy(),
            g_z.view(-1).numpy(),
            channels,
            length,
            part,
        )
        g_sum = g_sum.transpose(1, 2)
        return g_sum.to(x.dtype), g_sum.to(y.dtype), g_z.transpose(1, 2).to(z.dtype)
