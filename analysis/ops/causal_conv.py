"""Depthwise causal convolution over the tokens: what stands before every selective scan."""

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from analysis.ops.channel_last import channel_last, memory
from analysis.ops.parallel import part_length, run_blocks
from analysis.ops.selective_scan import choose_implementation


def causal_conv(
    x: Tensor, weight: Tensor, bias: Tensor, *, silu: bool = True, reverse: bool = False
) -> Tensor:
    """Each token's weighted sum over itself and the K - 1 tokens before it, then SiLU.

    x (B, E, L), weight (E, K), bias (E,); returns (B, E, L). The last tap meets the token itself;
    tokens before the first count as zero (Mamba paper, section 3.4; width K = 4 as published).
    `reverse` looks at the tokens after instead (flip, convolve, flip back).

    Runs compiled wherever the selective scan does, in plain PyTorch elsewhere. Differentiable.
    """
    if choose_implementation(x) == "cpu":
        return _CausalConv.apply(x, weight, bias, silu, reverse)
    return causal_conv_naive(x, weight, bias, silu=silu, reverse=reverse)


def causal_conv_naive(
    x: Tensor, weight: Tensor, bias: Tensor, *, silu: bool = True, reverse: bool = False
) -> Tensor:
    """The specification of `causal_conv` in plain PyTorch, for any device and dtype."""
    channels, taps = weight.shape
    if reverse:
        x = x.flip(-1)
    weight, bias = weight.to(x.dtype), bias.to(x.dtype)
    out = F.conv1d(F.pad(x, (taps - 1, 0)), weight[:, None], bias, groups=channels)
    if silu:
        out = F.silu(out)
    return out.flip(-1) if reverse else out


class _CausalConv(Function):
    @staticmethod
    def forward(ctx, x, weight, bias, silu: bool, reverse: bool):
        from analysis.ops.causal_conv_kernels import conv_forward

        batch, channels, length = x.shape
        out = torch.empty(batch, length, channels)
        part = part_length(length, channels)
        run_blocks(
            conv_forward,
            batch * -(-length // part),
            *memory(channel_last(x)),
            *_tap_first(weight, bias),
            out.view(-1).numpy(),
            channels,
            length,
            part,
            silu,
            reverse,
        )
        ctx.save_for_backward(x, weight, bias)
        ctx.options = silu, reverse
        return out.transpose(1, 2).to(x.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx, g_out):
        from analysis.ops.causal_conv_kernels import conv_backward

        x, weight, bias = ctx.saved_tensors
        batch, channels, length = x.shape
        g_x, scratch = (torch.empty(batch, length, channels) for _ in range(2))
        g_taps = torch.empty(batch, weight.shape[1] + 1, channels)
        run_blocks(
            conv_backward,
            batch,
            *memory(channel_last(x)),
            *_tap_first(weight, bias),
            *memory(channel_last(g_out)),
            g_x.view(-1).numpy(),
            g_taps.numpy(),
            scratch.view(-1).numpy(),
            channels,
            length,
            *ctx.options,
        )
        summed = g_taps.sum(0)
        return (
            g_x.transpose(1, 2).to(x.dtype),
            summed[:-1].T.to(weight.dtype),
            summed[-1].to(bias.dtype),
            None,
            None,
        )


def _tap_first(weight: Tensor, bias: Tensor):
    """Weights as (K, E), so that neighbouring channels are neighbours in memory."""
    return (
        weight.detach().float().T.contiguous().numpy(),
        bias.detach().float().contiguous().numpy(),
    )
