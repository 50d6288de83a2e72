"""The selective scan of the mamba-ssm package: the CUDA kernels VideoMamba was published with."""

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor


@cache
def _selective_scan_fn() -> Callable | None:
    """mamba-ssm's own function, or None where the package or its compiled part doesn't load."""
    try:
        from mamba_ssm.ops.selective_scan_interface import selective_scan_fn
    except Exception:  # a wheel built for another torch or CUDA fails in many ways
        return None
    return selective_scan_fn


def supports(u: Tensor) -> bool:
    """True for float32, bfloat16 and float16 on CUDA where mamba-ssm can be imported."""
    return (
        u.device.type == "cuda"
        and u.dtype in (torch.float32, torch.bfloat16, torch.float16)
        and _selective_scan_fn() is not None
    )


def _refuse_state_gradient(gradient: Tensor) -> None:
    raise RuntimeError(
        "the mamba_ssm scan drops the gradient of its last state; "
        'use implementation="triton" to train through the last state'
    )


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
    """The scan of `analysis.ops.selective_scan.selective_scan` by mamba-ssm's `selective_scan_fn`.

    Its kernels want one dtype for all token tensors (mixed ones are promoted) and float32 for A, D
    and delta_bias, and read sequences that lie contiguous along their length.

    The package has no gradient for the last state: a backward pass that reaches the returned state
    raises RuntimeError instead of leaving it out.
    """
    scan = _selective_scan_fn()
    tokens = [x for x in (u, delta, B, C, z) if x is not None]
    dtype = tokens[0].dtype
    for x in tokens[1:]:
        dtype = torch.promote_types(dtype, x.dtype)

    def token(x: Tensor | None) -> Tensor | None:
        return None if x is None else x.to(dtype).contiguous()

    def weight(x: Tensor | None) -> Tensor | None:
        return None if x is None else x.float().contiguous()

    result = scan(
        token(u),
        token(delta),
        weight(A),
        token(B),
        token(C),
        D=weight(D),
        z=token(z),
        delta_bias=weight(delta_bias),
        delta_softplus=delta_softplus,
        return_last_state=return_last_state,
    )
    if not return_last_state:
        return result.to(u.dtype)
    out, last_state = result
    if last_state.requires_grad:
        # A hook on the scan's own output would run, without a gradient, for `out` alone too.
        last_state = last_state.view_as(last_state)
        last_state.register_hook(_refuse_state_gradient)
    return out.to(u.dtype), last_state
