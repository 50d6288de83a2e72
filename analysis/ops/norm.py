"""Add and normalise, as the published blocks do it."""

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from analysis.ops.parallel import part_length, run_blocks
from analysis.ops.selective_scan import choose_implementation

_BACKWARD_ROWS = 256
"""Rows of a part backward: gradients of the weights are the same for any number of threads."""


def rms_norm(x: Tensor, weight: Tensor, eps: float = 1e-5) -> Tensor:
    """x / sqrt(mean(x^2) + eps) * weight over the last axis; computed in float32 at least.

    The result has the dtype of `weight`, so that a float32 residual enters a half-precision
    mixer in half precision.

    Runs compiled in float32 wherever the selective scan does, in plain PyTorch elsewhere.
    """
    if x.dtype == weight.dtype == torch.float32 and choose_implementation(x) == "cpu":
        return _RMSNorm.apply(x, weight, eps)
    return rms_norm_naive(x, weight, eps)


def rms_norm_naive(x: Tensor, weight: Tensor, eps: float = 1e-5) -> Tensor:
    """The specification of `rms_norm` in plain PyTorch, for any device and dtype."""
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    return F.rms_norm(wide, weight.shape, weight.to(wide.dtype), eps).to(weight.dtype)


def add_residual(hidden: Tensor, residual: Tensor | None) -> Tensor:
    """hidden + residual, kept in float32 at least (`residual_in_fp32` of the published blocks)."""
    wide = hidden.to(torch.promote_types(hidden.dtype, torch.float32))
    return wide if residual is None else residual + wide


class _RMSNorm(Function):
    @staticmethod
    def forward(ctx, x, weight, eps: float):
        from analysis.ops.norm_kernels import norm_forward

        channels = weight.numel()
        flat = x.detach().reshape(-1)
        rows = flat.numel() // channels
        out, scales = torch.empty(x.shape), torch.empty(rows)
        part = part_length(rows, channels)
        run_blocks(
            norm_forward,
            -(-rows // part),
            flat.numpy(),
            weight.detach().contiguous().numpy(),
            eps,
            out.view(-1).numpy(),
            scales.numpy(),
            rows,
            channels,
            part,
        )
        ctx.save_for_backward(x, weight, scales)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, g_out):
        from analysis.ops.norm_kernels import norm_backward

        x, weight, scales = ctx.saved_tensors
        rows, channels = scales.numel(), weight.numel()
        blocks = -(-rows // _BACKWARD_ROWS)
        g_x, g_weight = torch.empty(x.shape), torch.empty(blocks, channels)
        run_blocks(
            norm_backward,
            blocks,
            x.detach().reshape(-1).numpy(),
            weight.detach().contiguous().numpy(),
            scales.numpy(),
            g_out.reshape(-1).numpy(),
            g_x.view(-1).numpy(),
            g_weight.numpy(),
            rows,
            channels,
            _BACKWARD_ROWS,
        )
        return g_x, g_weight.sum(0), None
