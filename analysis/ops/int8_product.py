"""A matrix product in 8-bit integers, as processors with such instructions can do it."""

import torch
from torch import Tensor

LARGEST = 127
_SMALLEST_SCALE = 1e-30


def int8_product(x: Tensor, weight: Tensor, scales: Tensor) -> Tensor:
    """x (..., I) times a rounded weight, as (..., O) in float32.

    weight (O, I) of int8 and scales (O,), both from `rounded_weight`. Every row of x is rounded to
    8 bits with a scale of its own; products are summed exactly in 32 bits. No gradients.
    """
    x_scales = (x.abs().amax(-1, keepdim=True) / LARGEST).clamp_min(_SMALLEST_SCALE)
    rounded = (x / x_scales).round().to(torch.int8)
    rows = rounded.flatten(0, -2)
    # torch 2.13 sums wrongly where there is one channel.
    sums = torch._int_mm(rows, weight.T) if x.shape[-1] > 1 else rows.int() * weight.T.int()
    return sums.view(*x.shape[:-1], len(weight)) * (x_scales * scales)


def rounded_weight(weight: Tensor) -> tuple[Tensor, Tensor]:
    """A weight (O, I) as int8 with one scale per output channel, (O,)."""
    scales = (weight.abs().amax(1) / LARGEST).clamp_min(_SMALLEST_SCALE)
    return (weight / scales[:, None]).round().to(torch.int8), scales
