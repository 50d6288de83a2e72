"""What reaches the answer: contributions of every source to the tokens that the head reads.

A model whose CLS token stands at index 0 reads it in the last layer through the backward scan
alone: forward, nothing comes before it (analysis spec, section 5). A model that reads the mean of
its patch tokens is as linear: the mean over rows is one adjoint pass. MoMa's frozen perceptrons
stand between its last scan and the head, so its contributions have no share in a logit.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from analysis.attribution.exact.frozen_norm import slope_before_norm
from analysis.attribution.exact.pooled import adjoint_parts
from analysis.attribution.exact.proof import Proof, constant, proof_fields
from analysis.attribution.method import AttributionError
from analysis.layers.token_grid import TokenGrid
from analysis.models.videomamba import VideoMamba
from analysis.tracing.layer_trace import LayerTrace
from analysis.tracing.recorder import Trace
from analysis.tracing.scan_trace import DIRECTIONS
from analysis.tracing.token_positions import CLS_INDEX, frame_groups


@dataclass(frozen=True, eq=False)
class ClassEvidence(Proof):
    """What every token gives to a logit through one layer.

    values: (2, L) by direction and source. bias: (2,). total: what the layer's real output adds
    to the logit with the final norm's scale held.
    """

    grid: TokenGrid
    values: Tensor
    bias: Tensor
    total: float

    def by_frame(self) -> Tensor:
        """(2, t + 1) summed over the tokens of each frame; CLS comes last."""
        return sum_by_frame(self.values, self.grid)


def readout_weights(grid: TokenGrid, readout: str, dtype: torch.dtype = torch.float64) -> Tensor:
    """(L,) weight of each final token in the vector that the head reads ("cls" | "mean")."""
    weights = torch.zeros(grid.length, dtype=dtype)
    if readout == "cls":
        weights[CLS_INDEX] = 1
    else:
        weights[grid.class_tokens :] = 1 / grid.patches
    return weights


def class_evidence(layer: LayerTrace, direction: Tensor) -> ClassEvidence:
    """What every token gives to <direction, output> summed over receivers.

    direction: (L, D), such as `class_direction`. One adjoint pass a scan, no matrix.
    """
    cotangent = layer.way_out.back(direction) * layer.gate
    values, biases = [], []
    for name in DIRECTIONS:
        parts, bias = adjoint_parts(layer, name, cotangent)
        values.append(parts.sum(-1))
        biases.append(bias.sum())
    values, biases = torch.stack(values), torch.stack(biases)
    total = (direction * layer.output).sum()
    behind = (direction * constant(layer, "residual")).sum()
    return ClassEvidence(
        grid=layer.grid,
        values=values,
        bias=biases,
        total=total.item(),
        **proof_fields(layer, values.sum(), biases.sum() + behind, total),
    )


@torch.no_grad()
def class_direction(model: VideoMamba, trace: Trace, target: int) -> Tensor:
    """Slope (L, D) of a logit in the residual stream, the final norm's scale held at its value.

    sum_t <direction[t], final_residual[t]> plus the head's bias (and a layer norm's, through the
    head) is the logit. Zero at tokens that the head does not read.

    Raises ValueError for a class that the model does not have, and for MoMa.
    """
    if trace.final_residual is None:
        raise AttributionError(
            "Frozen perceptrons stand between MoMa's scans and its head, so a contribution has no "
            "share in a logit of its own; choose another score."
        )
    if not 0 <= target < len(trace.logits):
        raise ValueError(f"the model has classes 0 to {len(trace.logits) - 1}, not {target}")
    stream = trace.final_residual
    read = readout_weights(trace.grid, trace.readout, stream.dtype)[:, None]
    return read * slope_before_norm(model.norm_f, stream, model.head.weight[target].cpu())


def sum_by_frame(values: Tensor, grid: TokenGrid) -> Tensor:
    """Values (2, L, ...) of sources summed over frames of the token grid: (2, t + 1, ...)."""
    sums = values.new_zeros(len(values), grid.t + 1, *values.shape[2:])
    return sums.index_add_(1, frame_groups(grid), values)
