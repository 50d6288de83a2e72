"""Every token against every token, in blocks: a matrix small enough to look at."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from analysis.attribution.exact.frozen_scan import EVERYTHING
from analysis.attribution.exact.groups import bias_parts, group_responses
from analysis.attribution.exact.proof import Proof, constant, projected, proof_fields, target
from analysis.layers.token_grid import TokenGrid
from analysis.tracing.layer_trace import LayerTrace
from analysis.tracing.scan_trace import DIRECTIONS

LARGEST_SIDE = 256
"""Blocks a matrix has by default, a CLS token apart."""
_CHUNK_BYTES = 64 * 2**20


@dataclass(frozen=True, eq=False)
class BlockMatrix(Proof):
    """What a block of sources gives to the tokens of a block.

    values: (M, M) float32, values[receivers, sources]; CLS is the first block where there is one,
    then frame after frame. Lengths are means over the receivers of a block, shares of a logit are
    sums.
    per_frame: blocks in a frame. tokens_per_block: of the fullest block.
    """

    grid: TokenGrid
    values: np.ndarray
    per_frame: int
    tokens_per_block: int


@torch.no_grad()
def block_matrix(
    layer: LayerTrace,
    class_direction: Tensor | None = None,
    *,
    largest_side: int = LARGEST_SIDE,
    progress: Callable[[float], None] | None = None,
) -> BlockMatrix:
    """Contributions in the residual stream, both directions, between blocks of tokens.

    A block holds consecutive tokens of one frame; where all tokens fit, one each. The contribution
    of a block is exact: one frozen scan each, so that no tensor has both token axes and channels.

    Without `class_direction` entries are L2 norms. With it, (L, D) as `readout.class_direction`
    gives it, they are the components along it: the directional map (analysis spec, section 4.3),
    which with the bias sums to what the layer adds to the logit.
    """
    grid = layer.grid
    groups = token_blocks(grid, largest_side)
    count = int(groups.max()) + 1
    sizes = torch.bincount(groups, minlength=count).to(layer.gate.dtype)
    masks = torch.nn.functional.one_hot(groups, count).T.to(layer.gate.dtype)
    values, parts = layer.gate.new_empty(count, count), torch.zeros_like(layer.output)
    for chunk in torch.arange(count).split(_chunk(layer)):
        vectors = _block_vectors(layer, masks[chunk])
        values[:, chunk] = _entries(vectors, masks, sizes, class_direction)
        parts += vectors.sum(0)
        if progress:
            progress((int(chunk[-1]) + 1) / count)
    return BlockMatrix(
        grid=grid,
        values=values.float().numpy(),
        per_frame=(count - grid.class_tokens) // grid.t,
        tokens_per_block=int(sizes.max()),
        **_proof(layer, parts, class_direction),
    )


def token_blocks(grid: TokenGrid, largest_side: int) -> Tensor:
    """(L,) block of each token: CLS, if any, is block 0; every frame has equally many after it."""
    per_frame = grid.h * grid.w
    wanted = max(1, min(per_frame, largest_side // grid.t))
    size = -(-per_frame // wanted)
    within = torch.arange(per_frame) // size
    frames = torch.arange(grid.t)[:, None] * (int(within[-1]) + 1)
    first = torch.zeros(grid.class_tokens, dtype=torch.long)
    return torch.cat([first, grid.class_tokens + (frames + within).flatten()])


def _block_vectors(layer: LayerTrace, masks: Tensor) -> Tensor:
    """(blocks, L, D): both directions summed."""
    y = sum(
        group_responses(layer, direction, masks, "residual", EVERYTHING) for direction in DIRECTIONS
    )
    return projected(layer, y, "residual", EVERYTHING)


def _entries(
    vectors: Tensor, masks: Tensor, sizes: Tensor, class_direction: Tensor | None
) -> Tensor:
    """Columns (M, blocks) of the matrix from vectors (blocks, L, D)."""
    if class_direction is not None:
        return ((vectors * class_direction).sum(-1) @ masks.T).T
    return (torch.linalg.vector_norm(vectors, dim=-1) @ masks.T / sizes).T


def _proof(layer: LayerTrace, parts: Tensor, class_direction: Tensor | None) -> dict[str, object]:
    """Of the output itself, or of what it adds to the logit."""
    bias = bias_parts(layer, "residual", EVERYTHING).sum(0) + constant(layer, "residual")
    total, score = target(layer, "residual"), "l2_norm"
    if class_direction is not None:
        parts, bias, total = ((class_direction * x).sum() for x in (parts, bias, total))
        score = "logit_share"
    return proof_fields(layer, parts, bias, total, level="residual", score=score)


def _chunk(layer: LayerTrace) -> int:
    return max(1, _CHUNK_BYTES // (layer.gate.numel() * layer.gate.element_size()))
