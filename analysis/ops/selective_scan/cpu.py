"""The selective scan on processors: Numba kernels behind one differentiable function.

The kernels are imported on first use: whoever only asks `supports` need not wait for Numba.
"""

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from analysis.ops.channel_last import channel_last, memory
from analysis.ops.parallel import run_blocks
from analysis.ops.selective_scan.fused import FusedScan, Options, call_fused, collected_gradients


def supports(u: Tensor) -> bool:
    """True for float32, bfloat16 and float16 on the CPU; float64 is left to the naive scan."""
    return u.device.type == "cpu" and u.dtype in (torch.float32, torch.bfloat16, torch.float16)


def _token_memory(u, delta, B, C, z, options: Options) -> list[np.ndarray | int]:
    """Kernel arguments of the token tensors; without a gate u stands in for z, never read."""
    tokens = [memory(channel_last(x)) for x in (u, delta, B, C)]
    tokens.append(memory(channel_last(z)) if options.gated else tokens[0])
    return [part for token in tokens for part in token]


class _SelectiveScan(FusedScan):
    @staticmethod
    def scan(u, delta, A, B, C, D, z, delta_bias, options: Options):
        from analysis.ops.lane_code import LANES
        from analysis.ops.selective_scan.cpu_kernels import scan_forward

        tokens = _token_memory(u, delta, B, C, z, options)
        weights = [x.detach().float().contiguous() for x in (A, D, delta_bias)]
        batch, channels, length = u.shape
        states = A.shape[1]
        out = torch.empty(batch, length, channels)
        last_state = torch.empty(batch, channels, states)
        run_blocks(
            scan_forward,
            batch * -(-channels // LANES),
            *tokens,
            *(x.numpy() for x in weights),
            out.view(-1).numpy(),
            last_state.numpy(),
            channels,
            length,
            states,
            *options,
        )
        return out.transpose(1, 2).to(u.dtype), last_state

    @staticmethod
    @once_differentiable
    def backward(ctx, g_out, g_state):
        from analysis.ops.lane_code import LANES
        from analysis.ops.selective_scan.cpu_kernels import scan_backward

        u, delta, A, B, C, D, z, delta_bias = inputs = ctx.saved_tensors
        tokens = _token_memory(u, delta, B, C, z, ctx.options)
        weights = [x.detach().float().contiguous() for x in (A, D, delta_bias)]
        batch, channels, length = u.shape
        states = A.shape[1]
        parts = -(-channels // LANES)
        g_u, g_delta, g_z = (torch.empty(batch, length, channels) for _ in range(3))
        g_B, g_C = (torch.empty(batch, parts, length, states) for _ in range(2))
        g_A = torch.empty(batch, channels, states)
        g_D, g_bias = (torch.empty(batch, channels) for _ in range(2))
        run_blocks(
            scan_backward,
            batch * parts,
            *tokens,
            *memory(channel_last(g_out)),
            *(x.numpy() for x in weights),
            g_state.float().contiguous().numpy(),
            *(x.view(-1).numpy() for x in (g_u, g_delta, g_z)),
            *(x.view(-1).numpy() for x in (g_B, g_C)),
            *(x.numpy() for x in (g_A, g_D, g_bias)),
            channels,
            length,
            states,
            *ctx.options,
        )
        return collected_gradients(ctx, inputs, g_u, g_delta, g_z, g_B, g_C, g_A, g_D, g_bias)


def selective_scan(*arguments, **options) -> Tensor | tuple[Tensor, Tensor]:
    """The scan of `analysis.ops.selective_scan.selective_scan` in float32 on all cores.

    Tensors whose channels are neighbours in memory (a transposed (B, L, channels) tensor) are read
    in place; others are copied once. The outputs are channel-last too. Backward keeps only the
    inputs: states are computed again.
    """
    return call_fused(_SelectiveScan, *arguments, **options)
