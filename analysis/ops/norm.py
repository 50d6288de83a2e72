"""Add and normalise, as the published blocks do it."""

import torch
import torch.nn.functional as F
from torch import Tensor


def rms_norm(x: Tensor, weight: Tensor, eps: float = 1e-5) -> Tensor:
    """x / sqrt(mean(x^2) + eps) * weight over the last axis; computed in float32 at least.

    The result has the dtype of `weight`, so that a float32 residual enters a half-precision
    mixer in half precision.
    """
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    return F.rms_norm(wide, weight.shape, weight.to(wide.dtype), eps).to(weight.dtype)


def add_residual(hidden: Tensor, residual: Tensor | None) -> Tensor:
    """hidden + residual, kept in float32 at least (`residual_in_fp32` of the published blocks)."""
    wide = hidden.to(torch.promote_types(hidden.dtype, torch.float32))
    return wide if residual is None else residual + wide
