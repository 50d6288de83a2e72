"""Who feeds a token: the contributions of every source to one receiver, from the closed form."""

from dataclasses import dataclass

import torch
from torch import Tensor

from analysis.attribution.exact.frozen_scan import (
    EVERYTHING,
    FrozenScan,
    Switches,
    checked_level,
)
from analysis.attribution.exact.pooled import PooledContributions
from analysis.attribution.exact.proof import constant, projected, proof_fields, target
from analysis.tracing.layer_trace import LayerTrace
from analysis.tracing.scan_trace import DIRECTIONS, ScanTrace
from analysis.tracing.token_positions import checked_index

_CHUNK_ELEMENTS = 2**22


@dataclass(frozen=True, eq=False)
class RowContributions(PooledContributions):
    """What every token gives to one; its real output is `total`.

    token: the receiver. dropped_bound: upper bound on ||what an early stop left out|| /
    ||total||; 0 without one.
    """

    token: int
    dropped_bound: float


@torch.no_grad()
def row_contributions(
    layer: LayerTrace,
    token: int,
    *,
    level: str = "residual",
    switches: Switches = EVERYTHING,
    stop_below: float | None = None,
) -> RowContributions:
    """Contributions of all tokens to `token` in one layer (analysis spec, section 4.1).

    stop_below: leave out sources of which every state keeps less than this share until the token
    reads (0 < stop_below < 1); the bound on what that drops is reported. Memory: a few times
    L x E, and a chunk of L x E x N.

    Raises ValueError for an unknown level, a token outside of the sequence, a bad stop, and a stop
    in a layer with adaptors.
    """
    checked_level(level)
    checked_index(layer.grid, token)
    if stop_below is not None and not 0 < stop_below < 1:
        raise ValueError(f"stop_below is a share between 0 and 1, got {stop_below}")
    total = target(layer, level)[token]
    gate = layer.gate[token]
    vectors, biases, dropped = [], [], torch.zeros_like(gate)
    for direction in DIRECTIONS:
        parts, bias = torch.zeros_like(layer.gate), torch.zeros_like(gate)
        for scan in layer.direction(direction):
            row = _scan_row(FrozenScan(scan, level, switches), token, stop_below)
            parts += scan.share * row.parts
            bias += scan.share * row.bias
            dropped += scan.share * row.dropped_bound
        vectors.append(projected(layer, parts, level, switches, token))
        biases.append(projected(layer, bias, level, switches, token))
    vectors, biases = torch.stack(vectors), torch.stack(biases)
    return RowContributions(
        token=token,
        vectors=vectors,
        bias=biases,
        total=total,
        dropped_bound=_projected_bound(layer, dropped, level, switches, token, total),
        **proof_fields(
            layer,
            vectors.sum((0, 1)),
            biases.sum(0) + constant(layer, level)[token],
            total,
            level=level,
            switched_off=switches.switched_off,
            stop_below=stop_below,
        ),
    )


def hidden_attention_row(scan: ScanTrace, step: int, first: int = 0) -> Tensor:
    """alpha[step, s] for the steps s = first..step of a scan: (step + 1 - first, E).

    alpha = sum_n C[t, n] exp(A (S_t - S_s)) dt_s B_s, no skip (analysis spec, section 2; the
    hidden attention of Ali et al., equation 11, per channel). The difference of running sums is
    taken in float64 and stands inside one exponential, so that nothing overflows.
    """
    read = scan.positions[first : step + 1]
    elapsed = scan.elapsed()
    lag = (elapsed[step] - elapsed[first : step + 1]).to(scan.dt.dtype)
    keys = scan.B[read] * scan.C[scan.positions[step]]
    channels, states = scan.A.shape
    alpha = torch.empty_like(lag)
    size = max(1, _CHUNK_ELEMENTS // (len(read) * states))
    for start in range(0, channels, size):
        part = slice(start, start + size)
        decay = torch.exp_(lag[:, part, None] * scan.A[part])
        alpha[:, part] = torch.matmul(decay, keys[:, :, None])[..., 0]
    return alpha * scan.dt[read]


@dataclass(frozen=True, eq=False)
class _ScanRow:
    """parts (L, E) by source in canonical order, bias (E,), dropped_bound (E,) on |y|."""

    parts: Tensor
    bias: Tensor
    dropped_bound: Tensor


def _scan_row(frozen: FrozenScan, token: int, stop_below: float | None) -> _ScanRow:
    scan = frozen.scan
    if scan.enrichment is not None:
        return _enriched_row(frozen, token, stop_below)
    step = int(scan.steps[token])
    first, dropped = 0, torch.zeros_like(scan.D)
    if stop_below is not None:
        first, dropped = _early_stop(scan, step, stop_below)
    weights = torch.zeros_like(scan.u)
    weights[first : step + 1] = hidden_attention_row(scan, step, first)
    if frozen.switches.skip:
        weights[step] += scan.D
    parts = torch.empty_like(weights)
    parts[scan.positions] = frozen.transposed_inputs(weights)
    return _ScanRow(parts * frozen.sources, frozen.bias_weight(weights), dropped)


def _enriched_row(frozen: FrozenScan, token: int, stop_below: float | None) -> _ScanRow:
    """The row of a scan with adaptors, by one adjoint pass: states of many tokens reach it."""
    if stop_below is not None:
        raise ValueError(
            "an early stop bounds what a scan forgets, and tokens with memory read states from "
            "anywhere; leave it out"
        )
    cotangent = torch.zeros_like(frozen.scan.u)
    cotangent[token] = 1
    parts = frozen.adjoint(cotangent) * frozen.sources
    return _ScanRow(parts, frozen.bias()[token], torch.zeros_like(frozen.scan.D))


def _early_stop(scan: ScanTrace, step: int, stop_below: float) -> tuple[int, Tensor]:
    """First step worth keeping, and a bound (E,) on the |y| that the steps before it give.

    The slowest state of a channel fades by exp(-min|A| (S_t - S_s)), which only grows with s.
    What is dropped is at most sum_n |C_n| exp(A (S_t - S_r)) sum_s |B_sn| |dt_s u_s|, with r the
    last step dropped.
    """
    elapsed = scan.elapsed()[: step + 1]
    slowest = scan.A.abs().min(dim=1).values
    kept = torch.exp(-slowest * (elapsed[step] - elapsed))
    first = int((kept < stop_below).all(dim=1).sum())
    if first == 0:
        return 0, torch.zeros_like(scan.D)
    read = scan.positions[:first]
    written = (scan.dt[read] * scan.u[read]).abs().T @ scan.B[read].abs()
    lag = (elapsed[step] - elapsed[first - 1]).to(written.dtype)
    faded = written * torch.exp(scan.A * lag[:, None])
    return first, faded @ scan.C[scan.positions[step]].abs()


def _projected_bound(
    layer: LayerTrace, dropped: Tensor, level: str, switches: Switches, token: int, total: Tensor
) -> float:
    if level == "residual":
        gated = dropped * layer.gate[token].abs() if switches.gate else dropped
        dropped = layer.way_out.bound(gated, token)
    return (dropped.norm() / total.norm().clamp(min=torch.finfo(total.dtype).tiny)).item()
