"""The selective scan written as its definition: the specification of every other implementation.

Equations 1 and 2 of the Mamba paper with the discretisation of its published kernels: exact
zero-order hold for A, first order for B.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def selective_scan(
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
) -> Tensor | tuple[Tensor, Tensor]:
    """One step after another in plain PyTorch; any dtype (half precision is computed in float32).

    Shapes as in `analysis.ops.selective_scan.selective_scan`.
    """
    output_dtype = u.dtype
    dtype = torch.promote_types(u.dtype, torch.float32)
    u, delta, A, B, C = (x.to(dtype) for x in (u, delta, A, B, C))
    if delta_bias is not None:
        delta = delta + delta_bias.to(dtype)[:, None]
    if delta_softplus:
        delta = F.softplus(delta)
    state = u.new_zeros(u.shape[0], u.shape[1], A.shape[1])
    outputs = []
    for position in range(u.shape[2]):
        step = delta[:, :, position, None]
        decay = torch.exp(step * A)
        write = step * B[:, None, :, position] * u[:, :, position, None]
        state = decay * state + write
        outputs.append((state * C[:, None, :, position]).sum(-1))
    y = torch.stack(outputs, dim=-1)
    if D is not None:
        y = y + u * D.to(dtype)[:, None]
    if z is not None:
        y = y * F.silu(z.to(dtype))
    y = y.to(output_dtype)
    return (y, state) if return_last_state else y
