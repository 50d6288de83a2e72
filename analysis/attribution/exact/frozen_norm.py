"""Norms with their denominators held at their values: what is left of them is linear."""

import torch
from torch import Tensor, nn


@torch.no_grad()
def slope_before_norm(norm: nn.Module, x: Tensor, slope: Tensor) -> Tensor:
    """Slope (L, D) in what enters a norm from the slope behind it, (D,) or (L, D).

    `x` (L, D) is what really entered: it fixes the denominators. With `norm_constant` the parts
    <slope, x> are then exactly what the norm puts out along the slope behind it. For an RMS norm
    and a layer norm.
    """
    weighted = norm.weight.cpu() * slope
    if isinstance(norm, nn.LayerNorm):
        weighted = weighted - weighted.mean(-1, keepdim=True)
        x = x - x.mean(-1, keepdim=True)
    return weighted * torch.rsqrt(x.square().mean(-1, keepdim=True) + norm.eps)


@torch.no_grad()
def norm_constant(norm: nn.Module, slope: Tensor) -> Tensor:
    """What a norm's bias puts out along a slope (..., D) behind it: (...,), 0 without a bias."""
    if not isinstance(norm, nn.LayerNorm):
        return torch.zeros_like(slope[..., 0])
    return slope @ norm.bias.cpu()
