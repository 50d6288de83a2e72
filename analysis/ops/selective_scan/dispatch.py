"""Chooses which implementation of the selective scan runs, and says which one it was."""

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from torch import Tensor

from analysis.ops.selective_scan import cpu, shapes

IMPLEMENTATIONS: tuple[str, ...] = ("naive", "cpu", "mamba_ssm", "triton")

_forced: ContextVar[str] = ContextVar("selective_scan_implementation", default="auto")


@contextmanager
def use_implementation(name: str) -> Iterator[None]:
    """Within the block, every scan that asks for "auto" runs on the named implementation."""
    token = _forced.set(_checked(name))
    try:
        yield
    finally:
        _forced.reset(token)


def _checked(name: str) -> str:
    if name != "auto" and name not in IMPLEMENTATIONS:
        raise ValueError(
            f"unknown scan implementation {name!r}; choose auto or one of "
            f"{', '.join(IMPLEMENTATIONS)}"
        )
    return name


def _supports(name: str, u: Tensor) -> bool:
    if name == "naive":
        return True
    if name == "cpu":
        return cpu.supports(u)
    if name == "mamba_ssm":
        from analysis.ops.selective_scan import mamba_ssm

        return mamba_ssm.supports(u)
    if importlib.util.find_spec("triton") is None:
        return False
    from analysis.ops.selective_scan import triton

    return triton.supports(u)


def available_implementations(u: Tensor) -> tuple[str, ...]:
    """The implementations that can run on tensors like `u` (its device and dtype) here."""
    return tuple(name for name in IMPLEMENTATIONS if _supports(name, u))


def choose_implementation(u: Tensor, implementation: str = "auto") -> str:
    """The name of the implementation that `selective_scan` runs for tensors like `u`.

    "auto" takes the fastest for the device: `cpu` on processors, `mamba_ssm` then `triton` on
    CUDA, and `naive` wherever nothing else fits (float64, for one).

    Raises ValueError for an unknown name or one that can't run on these tensors.
    """
    name = _checked(implementation)
    if name == "auto":
        name = _forced.get()
    if name != "auto":
        if not _supports(name, u):
            raise ValueError(
                f"the {name} scan can't run on {u.dtype} tensors on {u.device.type} here; "
                f"available: {', '.join(available_implementations(u))}"
            )
        return name
    preference = ("mamba_ssm", "triton") if u.device.type == "cuda" else ("cpu",)
    return next((name for name in preference if _supports(name, u)), "naive")


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
    *,
    reverse: bool = False,
    implementation: str = "auto",
) -> Tensor | tuple[Tensor, Tensor]:
    """The selective state-space recurrence (Mamba paper, equations 1-2; as published kernels do).

    h_t = exp(delta_t A) h_{t-1} + delta_t B_t u_t;  y_t = <C_t, h_t> + D u_t;  out = y * silu(z)

    Arguments carry the names and meaning of mamba-ssm's `selective_scan_fn`:
    u, delta, z (B, E, L); A (E, N); B, C (B, N, L); D, delta_bias (E,). `delta_softplus` applies
    softplus to delta + delta_bias. `reverse` reads the sequence from its last token to its first
    (flip, scan, flip back).

    Returns out (B, E, L), and with `return_last_state` also the state after the last token read,
    (B, E, N) in float32 (float64 for float64 inputs). Differentiable in every tensor. On the meta
    device nothing is computed and only shapes are given.

    Raises ValueError for shapes that do not fit, an unknown implementation, or one that can't run
    on these tensors.
    """
    _check_shapes(u, delta, A, B, C, D, z, delta_bias)
    if u.is_meta:
        return shapes.selective_scan(u, A, return_last_state)
    arguments = (u, delta, A, B, C, D, z, delta_bias, delta_softplus, return_last_state)
    name = choose_implementation(u, implementation)
    if name == "cpu":
        return cpu.selective_scan(*arguments, reverse=reverse)
    if name == "triton":
        from analysis.ops.selective_scan import triton

        return triton.selective_scan(*arguments, reverse=reverse)
    if name == "mamba_ssm":
        from analysis.ops.selective_scan import mamba_ssm as plain
    else:
        from analysis.ops.selective_scan import naive as plain
    scan = plain.selective_scan
    return _flipped(scan, arguments) if reverse else scan(*arguments)


def _flipped(scan, arguments):
    """Reverses a forward-only scan: flips every sequence going in and the output coming out."""
    u, delta, A, B, C, D, z, *rest = arguments
    u, delta, B, C = (x.flip(-1) for x in (u, delta, B, C))
    result = scan(u, delta, A, B, C, D, None if z is None else z.flip(-1), *rest)
    if isinstance(result, tuple):
        return result[0].flip(-1), result[1]
    return result.flip(-1)


def _check_shapes(u, delta, A, B, C, D, z, delta_bias) -> None:
    if u.dim() != 3 or u.shape[2] == 0:
        raise ValueError(f"u must be (B, E, L) with L >= 1, got {tuple(u.shape)}")
    batch, channels, length = u.shape
    states = A.shape[-1]
    expected = {
        "delta": (delta, (batch, channels, length)),
        "A": (A, (channels, states)),
        "B": (B, (batch, states, length)),
        "C": (C, (batch, states, length)),
        "D": (D, (channels,)),
        "z": (z, (batch, channels, length)),
        "delta_bias": (delta_bias, (channels,)),
    }
    for name, (tensor, shape) in expected.items():
        if tensor is not None and tuple(tensor.shape) != shape:
            raise ValueError(f"{name} must be {shape} to fit u, got {tuple(tensor.shape)}")
