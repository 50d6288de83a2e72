"""A mixer's convolutions and scans in both directions with one kernel each, for inference."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor

from analysis.ops.channel_last import channel_last, memory
from analysis.ops.parallel import part_length, run_blocks
from analysis.ops.selective_scan import choose_implementation

_apart: ContextVar[bool] = ContextVar("directions_apart", default=False)


@contextmanager
def direction_by_direction() -> Iterator[None]:
    """Within the block mixers run one direction after the other, as they do with gradients.

    Slower, and every part can be timed by itself.
    """
    token = _apart.set(True)
    try:
        yield
    finally:
        _apart.reset(token)


def two_way_supports(x: Tensor) -> bool:
    """Whether the functions below take tensors like `x` here: float32 throughout, no gradients.

    Never inside `direction_by_direction`.
    """
    return (
        x.dtype == torch.float32
        and not _apart.get()
        and not torch.is_grad_enabled()
        and choose_implementation(x) == "cpu"
        and not torch.is_autocast_enabled(x.device.type)
    )


def two_way_conv(x: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor]) -> Tensor:
    """`causal_conv` of x (B, L, E) and the same with `reverse`, as (2, B, L, E).

    The two weights are (E, K), the biases (E,).
    """
    from analysis.ops.two_way_kernels import conv_two_way

    batch, length, channels = x.shape
    out = torch.empty(2, batch, length, channels)
    part = part_length(length, channels)
    run_blocks(
        conv_two_way,
        batch * -(-length // part),
        *memory(channel_last(x.transpose(1, 2))),
        torch.stack([weight.T for weight in weights]).numpy(),
        torch.stack(tuple(biases)).numpy(),
        out.view(-1).numpy(),
        batch,
        channels,
        length,
        part,
    )
    return out


def two_way_scan_(
    u: Tensor,
    selections: Sequence[Tensor],
    z: Tensor,
    A_logs: Sequence[Tensor],
    step_weights: Sequence[Tensor],
    step_biases: Sequence[Tensor],
    skips: Sequence[Tensor],
) -> Tensor:
    """Both directions' selective scans, summed and gated by z: (B, L, E), in place of u[0].

    u (2, B, L, E), z (B, L, E). Pairs hold the direction from the first token, then the one from
    the last: selections (B, L, R + 2 N) with low-rank step sizes, B and C beside each other;
    A_logs (E, N), the logarithms of -A; step_weights (E, R) and step_biases (E,), which make step
    sizes of the low rank ones, before softplus; skips (E,), elsewhere D.
    """
    from analysis.ops.lane_code import LANES
    from analysis.ops.two_way_kernels import scan_two_way

    _, batch, length, channels = u.shape
    run_blocks(
        scan_two_way,
        batch * -(-channels // LANES),
        u.view(-1).numpy(),
        torch.stack(tuple(selections)).view(-1).numpy(),
        *memory(channel_last(z.transpose(1, 2))),
        *(torch.stack(tuple(x)).numpy() for x in (A_logs, step_weights, step_biases, skips)),
        batch,
        channels,
        length,
    )
    return u[0]
