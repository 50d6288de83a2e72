"""Every token against every token: a score per pair, from one column of the frozen scans a source.

Columns are impulse responses: the frozen scan, fed with what a single token puts into it. They
are reduced to scores a few sources at a time, so that no tensor has both token axes and channels.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from analysis.attribution.exact.frozen_scan import (
    EVERYTHING,
    FrozenScan,
    Switches,
    checked_level,
)
from analysis.attribution.exact.groups import bias_parts
from analysis.attribution.exact.proof import Proof, projected, proof_fields, target
from analysis.attribution.exact.scan_columns import ScanColumns
from analysis.attribution.exact.scores import alti_proximity, scores
from analysis.tracing.layer_trace import LayerTrace

_CHUNK_BYTES = 8 * 2**20


@dataclass(frozen=True, eq=False)
class ContributionMatrix(Proof):
    """A score for every pair: values (L, L), values[t, s] of source s for receiver t.

    bias: (L,) the score of the bias part; 0 for ALTI, which is shared out among tokens alone.
    """

    values: Tensor
    bias: Tensor


@torch.no_grad()
def contribution_matrix(
    layer: LayerTrace,
    score: str = "l2_norm",
    *,
    direction: Tensor | None = None,
    level: str = "residual",
    switches: Switches = EVERYTHING,
    progress: Callable[[float], None] | None = None,
) -> ContributionMatrix:
    """A score for every pair of tokens without an L x L x D tensor (analysis spec, section 4.3).

    score: a key of `SCORES`; "logit_share" with `direction` (D,) or, one a receiver, (L, D) is
    the directional map. progress: hears the share of the work that is done. O(L^2 x E x N) time.

    Raises ValueError for an unknown score or level, and a missing direction.
    """
    checked_level(level)
    total, length = target(layer, level), layer.grid.length
    values, parts = total.new_empty(length, length), torch.zeros_like(total)
    bias = bias_parts(layer, level, switches).sum(0)
    scans = [
        (scan.share, FrozenScan(scan, level, switches), ScanColumns(scan)) for scan in layer.scans
    ]

    def raw(vectors: Tensor) -> Tensor:
        if score == "alti":
            return alti_proximity(vectors, total)
        return scores(vectors, total, score, direction)

    for chunk in _source_chunks(layer):
        y = sum(
            columns(chunk, share * frozen.impulses(chunk), switches.skip)
            for share, frozen, columns in scans
        )
        vectors = projected(layer, y, level, switches)
        values[:, chunk] = raw(vectors).T
        parts += vectors.sum(0)
        if progress:
            progress((int(chunk[-1]) + 1) / length)
    if score == "alti":
        values /= values.sum(1, keepdim=True).clamp(min=torch.finfo(values.dtype).tiny)
    return ContributionMatrix(
        values=values,
        bias=total.new_zeros(length) if score == "alti" else raw(bias[None])[0],
        **proof_fields(
            layer,
            parts,
            bias,
            total,
            level=level,
            score=score,
            switched_off=switches.switched_off,
        ),
    )


def _source_chunks(layer: LayerTrace) -> Iterator[Tensor]:
    length, inner = layer.z.shape
    size = max(1, _CHUNK_BYTES // (length * inner * layer.z.element_size()))
    yield from torch.arange(length).split(size)
