"""What every source gives to a weighted mean of receivers: the read-out, a frame, one token.

The frozen scans are linear in their receivers as well, so a mean over rows costs no more than one
row: one adjoint pass a scan (analysis spec, section 4.5).
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from analysis.attribution.exact.frozen_scan import EVERYTHING, FrozenScan, checked_level
from analysis.attribution.exact.proof import Proof, proof_fields, target
from analysis.tracing.layer_trace import DIRECTIONS, LayerTrace


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
    weights = weights.to(layer.z.dtype)[:, None]
    residual = level == "residual"
    cotangent = weights * layer.gate if residual else weights.expand_as(layer.z).contiguous()
    vectors, biases = [], []
    for direction in DIRECTIONS:
        parts, bias = adjoint_parts(layer, direction, cotangent, level)
        vectors.append(parts @ layer.out_weight.T if residual else parts)
        biases.append(bias @ layer.out_weight.T if residual else bias)
    vectors, biases = torch.stack(vectors), torch.stack(biases)
    total = (weights * target(layer, level)).sum(0)
    return PooledContributions(
        vectors=vectors,
        bias=biases,
        total=total,
        **proof_fields(layer, vectors.sum((0, 1)), biases.sum(0), total, level=level),
    )


def adjoint_parts(
    layer: LayerTrace, direction: str, cotangent: Tensor, level: str = "residual"
) -> tuple[Tensor, Tensor]:
    """Parts of sum_t cotangent[t] * y[t]: (L, E) by source and channel, (E,) of the bias."""
    parts, bias = torch.zeros_like(layer.z), torch.zeros_like(layer.z[0])
    for scan in layer.direction(direction):
        frozen = FrozenScan(scan, level, EVERYTHING)
        parts += scan.share * frozen.adjoint(cotangent) * frozen.sources
        bias += scan.share * (cotangent * frozen.bias()).sum(0)
    return parts, bias
