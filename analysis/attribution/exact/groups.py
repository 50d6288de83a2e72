"""Whom tokens feed: what sets of sources give to every receiver, one frozen scan a set."""

from dataclasses import dataclass

import torch
from torch import Tensor

from analysis.attribution.exact.frozen_scan import (
    EVERYTHING,
    FrozenScan,
    Switches,
    checked_level,
)
from analysis.attribution.exact.proof import (
    Proof,
    constant,
    projected,
    proof_fields,
    target,
)
from analysis.tracing.layer_trace import LayerTrace
from analysis.tracing.scan_trace import DIRECTIONS


@dataclass(frozen=True, eq=False)
class GroupContributions(Proof):
    """What each group of a partition gives to every token.

    vectors: (2, G, L, W) by direction, group, receiver. bias: (2, L, W). total: (L, W).
    """

    vectors: Tensor
    bias: Tensor
    total: Tensor


@torch.no_grad()
def group_contributions(
    layer: LayerTrace,
    groups: Tensor,
    *,
    level: str = "residual",
    switches: Switches = EVERYTHING,
) -> GroupContributions:
    """Contributions of token groups to all tokens (analysis spec, section 4.4).

    groups: (L,) number of each token's group from 0, such as `frame_groups(grid)`; one token and
    all others give the column of that token. G frozen scans a direction: O(G x L x E x N) time;
    the result has 2 x G x L x W numbers.

    Raises ValueError for groups that are no such numbers, and an unknown level.
    """
    checked_level(level)
    masks = _masks(groups, layer)
    vectors = torch.stack(
        [
            projected(
                layer, group_responses(layer, direction, masks, level, switches), level, switches
            )
            for direction in DIRECTIONS
        ]
    )
    bias, total = bias_parts(layer, level, switches), target(layer, level)
    return GroupContributions(
        vectors=vectors,
        bias=bias,
        total=total,
        **proof_fields(
            layer,
            vectors.sum((0, 1)),
            bias.sum(0) + constant(layer, level),
            total,
            level=level,
            switched_off=switches.switched_off,
            groups=len(masks),
        ),
    )


def group_responses(
    layer: LayerTrace, direction: str, masks: Tensor, level: str, switches: Switches
) -> Tensor:
    """y (G, L, E) of a direction for each set of sources, its scans with their shares."""
    y = layer.gate.new_zeros(len(masks), *layer.gate.shape)
    for scan in layer.direction(direction):
        y += scan.share * FrozenScan(scan, level, switches).respond(masks)
    return y


def bias_parts(layer: LayerTrace, level: str, switches: Switches) -> Tensor:
    """(2, L, W) the part of the convolution biases, by direction."""
    bias = layer.gate.new_zeros(len(DIRECTIONS), *layer.gate.shape)
    for row, direction in enumerate(DIRECTIONS):
        for scan in layer.direction(direction):
            bias[row] += scan.share * FrozenScan(scan, level, switches).bias()
    return projected(layer, bias, level, switches)


def _masks(groups: Tensor, layer: LayerTrace) -> Tensor:
    """(G, L) one mask a group."""
    length = layer.grid.length
    if groups.dtype != torch.long or tuple(groups.shape) != (length,) or groups.min() < 0:
        raise ValueError(
            f"groups are numbers from 0 of {length} tokens, "
            f"got {groups.dtype} of shape {tuple(groups.shape)}"
        )
    return torch.nn.functional.one_hot(groups).T.to(layer.gate.dtype)
