"""Stochastic depth: a layer's output is dropped for whole clips while training."""

import torch
from torch import Tensor


def drop_path(
    x: Tensor, rate: float, training: bool, generator: torch.Generator | None = None
) -> Tensor:
    """Zeroes each clip of x (B, ...) with probability `rate` and scales the rest by 1/(1 - rate).

    The identity outside training and at rate 0.
    """
    if not training or rate == 0:
        return x
    shape = (x.shape[0],) + (1,) * (x.dim() - 1)
    keep = torch.rand(shape, device=x.device, generator=generator) >= rate
    return x * keep / (1 - rate)


def drop_path_rates(rate: float, depth: int) -> tuple[float, ...]:
    """The rates of a VideoMamba with `depth` layers, one more than it has layers.

    Entry i acts on what enters layer i, which is the output of layer i - 1; the last entry acts on
    the output of the last layer. The published code spreads the rates linearly over the layers and
    shifts them by one, so that the first two are zero.
    """
    return (0.0, *(rate * i / max(depth - 1, 1) for i in range(depth)))
