"""The compiled scan with memory behind one differentiable function."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from analysis.ops.channel_last import channel_last, memory
from analysis.ops.parallel import run_blocks
from analysis.ops.scan_states import ScanInputs


def memory_scan_compiled(scan: ScanInputs, gamma: Tensor, index: Tensor, weights: Tensor) -> Tensor:
    """As `memory_scan`. Backward keeps only the inputs: states are computed again."""
    tokens = (scan.u, scan.delta, scan.B, scan.C)
    per_channel = (scan.A, scan.D, scan.delta_bias, gamma)
    return _MemoryScan.apply(*tokens, *per_channel, weights, index, scan.reverse)


def _flat(tokens: Sequence[Tensor]) -> list[np.ndarray | int]:
    return [part for x in tokens for part in memory(channel_last(x))]


def _plain(tensors: Sequence[Tensor]) -> list[np.ndarray]:
    return [x.detach().contiguous().numpy() for x in tensors]


class _MemoryScan(Function):
    @staticmethod
    def forward(ctx, u, delta, B, C, A, D, bias, gamma, weights, index, reverse):
        from analysis.ops.memory_kernels import memory_forward

        batch, width, length = u.shape
        sequences, taps = index.shape[2:]
        out = torch.empty(batch, length, width)
        run_blocks(
            memory_forward,
            batch * sequences * _parts(width, sequences),
            *_flat((u, delta, B, C)),
            *_plain((A, D, bias, gamma, index.flatten(), weights.flatten(), out.view(-1))),
            *(width, length, A.shape[1], sequences, taps, reverse),
        )
        ctx.save_for_backward(u, delta, B, C, A, D, bias, gamma, weights, index)
        ctx.reverse = reverse
        return out.transpose(1, 2)

    @staticmethod
    @once_differentiable
    def backward(ctx, g):
        from analysis.ops.memory_backward_kernels import memory_backward

        u, delta, B, C, A, D, bias, gamma, weights, index = ctx.saved_tensors
        batch, width, length = u.shape
        (sequences, taps), states = index.shape[2:], A.shape[1]
        parts = _parts(width, sequences)
        g_u, g_delta = (torch.empty(batch, length, width) for _ in range(2))
        g_B, g_C = (torch.empty(batch, sequences * parts, length, states) for _ in range(2))
        g_A = torch.empty(batch, width, states)
        g_D, g_bias, g_gamma = (torch.empty(batch, width) for _ in range(3))
        g_weights = torch.empty(batch, sequences, parts, length, taps)
        run_blocks(
            memory_backward,
            batch * sequences * parts,
            *_flat((u, delta, B, C, g)),
            *_plain((A, D, bias, gamma, index.flatten(), weights.flatten())),
            *(x.view(-1).numpy() for x in (g_u, g_delta, g_B, g_C)),
            *(x.numpy() for x in (g_A, g_D, g_bias, g_gamma)),
            g_weights.view(-1).numpy(),
            *(width, length, states, sequences, taps, ctx.reverse),
        )
        tokens = (g_u, g_delta, g_B.sum(1), g_C.sum(1))
        per_channel = (x.sum(0) for x in (g_A, g_D, g_bias, g_gamma))
        g_weights = g_weights.sum(2).transpose(1, 2)
        return *(x.transpose(1, 2) for x in tokens), *per_channel, g_weights, None, None


def _parts(width: int, sequences: int) -> int:
    """Blocks of channels that a memory sequence takes."""
    from analysis.ops.lane_code import LANES

    return -(-(width // sequences) // LANES)
