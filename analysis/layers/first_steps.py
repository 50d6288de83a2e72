"""The step sizes with which a selective scan starts its training."""

import math

import torch
from torch import Tensor, nn

SMALLEST, LARGEST = 1e-3, 1e-1


@torch.no_grad()
def start_steps_(weight: Tensor, bias: Tensor) -> None:
    """Sets what makes step sizes of low-rank ones: weight (..., E, R), bias (..., E).

    softplus(bias) is spread evenly in its logarithm from `SMALLEST` to `LARGEST`, weights are
    uniform within R ** -0.5 (Mamba paper, section 3.6, and its published code).
    """
    bound = weight.shape[-1] ** -0.5
    nn.init.uniform_(weight, -bound, bound)
    steps = torch.empty_like(bias).uniform_(math.log(SMALLEST), math.log(LARGEST)).exp()
    # The inverse of softplus.
    bias.copy_(steps + torch.log(-torch.expm1(-steps)))
