"""What the fused implementations (processors, Triton) share on the Python side."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.autograd import Function


class Options(NamedTuple):
    """Whether there is a gate, softplus on delta, and whether the last token is read first."""

    gated: bool
    delta_softplus: bool
    reverse: bool


class FusedScan(Function):
    """A scan whose `backward` needs nothing but its inputs."""

    @staticmethod
    def scan(
        u: Tensor,
        delta: Tensor,
        A: Tensor,
        B: Tensor,
        C: Tensor,
        D: Tensor,
        z: Tensor,
        delta_bias: Tensor,
        options: Options,
    ) -> tuple[Tensor, Tensor]:
        """Outputs and the last state, without a gradient."""
        raise NotImplementedError

    @classmethod
    def forward(cls, ctx, *arguments):
        *tensors, ctx.options = arguments
        ctx.save_for_backward(*tensors)
        return cls.scan(*arguments)


def call_fused(
    function: type[FusedScan],
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None = None,
    z: Tensor | None = None,
    delta_bias: Tensor | None = None,
    delta_softplus: bool = False,
    return_last_state: bool = False,
    *,
    reverse: bool = False,
) -> Tensor | tuple[Tensor, Tensor]:
    """Calls `function`, which takes every tensor and the options, with what was left out.

    A missing skip or bias is zero; a missing gate is stood in for by u, which is never read as one.
    Where gradients are off, `function.scan` runs without autograd's bookkeeping.
    """
    zeros = u.new_zeros(u.shape[1])
    skip, bias = (zeros if x is None else x for x in (D, delta_bias))
    tensors = (u, delta, A, B, C, skip, u if z is None else z, bias)
    options = Options(z is not None, delta_softplus, reverse)
    scan = function.apply if torch.is_grad_enabled() else function.scan
    out, last_state = scan(*tensors, options)
    return (out, last_state) if return_last_state else out


def collected_gradients(
    ctx,
    inputs: tuple[Tensor | None, ...],
    g_u: Tensor,
    g_delta: Tensor,
    g_z: Tensor,
    g_B: Tensor,
    g_C: Tensor,
    g_A: Tensor,
    g_D: Tensor,
    g_bias: Tensor,
) -> tuple[Tensor | None, ...]:
    """Kernel gradients as autograd wants them: summed over parts, in shape and dtype of the inputs.

    `inputs` are what was saved, in the order of the arguments: recomputed layers let a tensor be
    unpacked only once. Token gradients arrive channel-last, those of B and C as (B, parts, L, N),
    those of the weights with a batch axis.
    """
    gradients = (
        g_u.transpose(1, 2),
        g_delta.transpose(1, 2),
        g_A.sum(0),
        g_B.sum(1).transpose(1, 2),
        g_C.sum(1).transpose(1, 2),
        g_D.sum(0),
        g_z.transpose(1, 2) if ctx.options.gated else None,
        g_bias.sum(0),
    )
    needed = zip(gradients, inputs, ctx.needs_input_grad[:8], strict=True)
    return *(g.to(x.dtype) if needs and g is not None else None for g, x, needs in needed), None
