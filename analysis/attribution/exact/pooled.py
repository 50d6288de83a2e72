"""What every source gives to a weighted mean of receivers: the read-out, a frame, one token.

The frozen scans are linear in their receivers as well, so a mean over rows costs no more than one
row: one adjoint pass a scan (analysis spec, section 4.5). Where receivers are multiplied with
something of their own behind the scans, as in MoMa, every channel takes a pass.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from analysis.attribution.exact.frozen_scan import EVERYTHING, FrozenScan, checked_level
from analysis.attribution.exact.proof import Proof, constant, proof_fields, target
from analysis.tracing.layer_trace import LayerTrace
from analysis.tracing.scan_trace import DIRECTIONS

_CHUNK_BYTES = 64 * 2**20


@dataclass(frozen=True, eq=False)
class PooledContributions(Proof):
    """What every token gives to sum_t weights[t] * output[t].

    vectors: (2, L, W), forward and backward direction, by source in canonical order; W is E below
    the residual level, D there. bias: (2, W). total: (W,) the real output, pooled.
    """

    vectors: Tensor
    bias: Tensor
    total: Tensor


def pooled_contributions(
    layer: LayerTrace, weights: Tensor, *, level: str = "residual"
) -> PooledContributions:
    """Contributions of all tokens to the receivers pooled with `weights` (L,).

    Raises ValueError for an unknown level and for weights of another length.
    """
    checked_level(level)
    if tuple(weights.shape) != (layer.grid.length,):
        raise ValueError(
            f"weights are one number for each of {layer.grid.length} tokens, "
            f"got shape {tuple(weights.shape)}"
        )
    weights = weights.to(layer.gate.dtype)[:, None]
    pooled = _pooled_residual if level == "residual" else _pooled_inner
    found = [pooled(layer, direction, weights, level) for direction in DIRECTIONS]
    vectors, biases = (torch.stack(parts) for parts in zip(*found, strict=True))
    total = (weights * target(layer, level)).sum(0)
    behind = (weights * constant(layer, level)).sum(0)
    return PooledContributions(
        vectors=vectors,
        bias=biases,
        total=total,
        **proof_fields(layer, vectors.sum((0, 1)), biases.sum(0) + behind, total, level=level),
    )


def _pooled_inner(
    layer: LayerTrace, direction: str, weights: Tensor, level: str
) -> tuple[Tensor, Tensor]:
    """(L, E) by source and (E,) of the bias, before the gate; weights (L, 1)."""
    return adjoint_parts(layer, direction, weights.expand_as(layer.gate).contiguous(), level)


def _pooled_residual(
    layer: LayerTrace, direction: str, weights: Tensor, level: str
) -> tuple[Tensor, Tensor]:
    """(L, D) by source and (D,) of the bias, in the residual stream; weights (L, 1)."""
    out = layer.way_out
    through = weights * layer.gate if out.scale is None else weights * layer.gate * out.scale
    parts, bias = (x @ out.weight.T for x in adjoint_parts(layer, direction, through, level))
    # An untrained MoMa multiplies with nothing: its last projection begins at zero.
    if out.factor is None or not out.factor_weight.any():
        return parts, bias
    at_once = max(1, _CHUNK_BYTES // (through.numel() * through.element_size()))
    for channels in torch.arange(len(out.weight)).split(at_once):
        along = out.factor.T[channels, :, None] * through * out.factor_weight[channels, None]
        grown, grown_bias = adjoint_parts(layer, direction, along, level)
        parts[:, channels] += grown.sum(-1).T
        bias[channels] += grown_bias.sum(-1)
    return parts, bias


def adjoint_parts(
    layer: LayerTrace, direction: str, cotangent: Tensor, level: str = "residual"
) -> tuple[Tensor, Tensor]:
    """Parts of sum_t cotangent[t] * y[t]: (L, E) by source and channel, (E,) of the bias.

    Of several cotangents (G, L, E) at once: (G, L, E) and (G, E).
    """
    parts, bias = torch.zeros_like(cotangent), torch.zeros_like(cotangent[..., 0, :])
    for scan in layer.direction(direction):
        frozen = FrozenScan(scan, level, EVERYTHING)
        parts += scan.share * frozen.adjoint(cotangent) * frozen.sources
        bias += scan.share * (cotangent * frozen.bias()).sum(-2)
    return parts, bias
