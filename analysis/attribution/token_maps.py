"""Which token feeds which inside one layer, as a matrix, in the ways that were published.

A matrix is built in blocks of source tokens: the linear recurrence is run on one impulse for each
source, so that the L x L x E tensor never exists. Rows are receivers, columns are sources, both in
canonical index order, whatever the layer's token orders.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from analysis.attribution.exact.frozen_scan import FrozenScan
from analysis.attribution.exact.scan_columns import ScanColumns
from analysis.tracing.layer_trace import LayerTrace
from analysis.tracing.scan_trace import ScanTrace, convolve, run_scan

BLOCK_BYTES = 8 * 2**20
"""Size of the tensors that are made on the way, (sources, L, E)."""


@dataclass(frozen=True, eq=False)
class MapQuery:
    """What is asked of a layer.

    upstream: (L, D) gradient of a logit with respect to the mixer's output: makes maps of the
        evidence for a class, its negative parts cut off. None: maps of magnitudes.
    skip: whether implicit attention counts the skip D u, which its published form leaves out.
    """

    layer: LayerTrace
    upstream: Tensor | None = None
    skip: bool = False

    @cached_property
    def columns(self) -> tuple[ScanColumns, ...]:
        """The layer's scans, ready to be fed."""
        return tuple(map(ScanColumns, self.layer.scans))

    @cached_property
    def frozen(self) -> tuple[FrozenScan, ...]:
        """The layer's scans from the inner tokens x on."""
        return tuple(FrozenScan(scan, "residual") for scan in self.layer.scans)

    @cached_property
    def inner_upstream(self) -> Tensor:
        """(L, E) gradient of the logit with respect to what enters the output projection."""
        return self.upstream @ self.layer.out_weight


def hidden_attention(query: MapQuery, sources: Tensor) -> Tensor:
    """Mean over channels of |alpha| (Ali et al., arXiv 2403.01590).

    alpha[t, s] is what the recurrence passes from u[s] to y[t], without the skip. Published maps
    average channels; here magnitudes are averaged, because alpha takes both signs and means
    cancel. The two directions read different u, so their magnitudes are added. For a class: mean
    over channels of the positive part of alpha times its gradient.
    """
    layer, total = query.layer, 0
    for scan, columns in zip(layer.scans, query.columns, strict=True):
        ones = scan.u.new_ones(len(sources), 1, scan.u.shape[1])
        alpha = columns(sources, ones, skip=False)
        if query.upstream is None:
            entries = alpha.abs_()
        else:
            into_scan = query.inner_upstream * layer.gate
            entries = (alpha.mul_(into_scan) * scan.u[sources][:, None]).clamp_(min=0)
        total = total + scan.share * entries.mean(-1).T
    return total


def implicit_attention(query: MapQuery, sources: Tensor) -> Tensor:
    """Mean over channels of |gate * alpha * Q * T| (Zimerman et al., arXiv 2405.16504).

    From the inner tokens x[s], through convolution T and the frozen sigmoid Q of its SiLU, to the
    gated output; both directions act on the same x and are summed first.
    """
    layer = query.layer
    factors = [frozen.factors(sources) for frozen in query.frozen]
    total = _summed_over_scans(query, sources, factors, query.skip).mul_(layer.gate)
    if query.upstream is None:
        return total.abs_().mean(-1).T
    shared = layer.scans[0].x[sources][:, None]
    return total.mul_(query.inner_upstream).mul_(shared).clamp_(min=0).mean(-1).T


def latim(query: MapQuery, sources: Tensor) -> Tensor:
    """Length of LaTIM's contribution vectors (Pitorro and Treviso, arXiv 2502.15612).

    Every tap of the convolution goes through SiLU alone, which is not what the layer computes:
    `latim_error` says how far off that is.
    """
    return _contributions(query, sources, [_separate_taps(s, sources) for s in query.layer.scans])


def exact(query: MapQuery, sources: Tensor) -> Tensor:
    """Length of the exact contribution vectors: with the biases they sum to the mixer's output.

    For a class: the positive part of their inner product with the gradient.
    """
    return _contributions(query, sources, [frozen.impulses(sources) for frozen in query.frozen])


MAPS: dict[str, Callable[[MapQuery, Tensor], Tensor]] = {
    "hidden attention": hidden_attention,
    "implicit attention": implicit_attention,
    "latim": latim,
    "exact": exact,
}
"""Kinds of map: functions of a query and source tokens (S,) that give columns (L, S), 0 or more."""


@torch.no_grad()
def token_map(query: MapQuery, kind: str) -> Tensor:
    """The whole matrix (L, L) of a kind of `MAPS`, entry [t, s] from s to t, never negative."""
    blocks = [MAPS[kind](query, sources) for sources in _source_blocks(query.layer)]
    return torch.cat(blocks, dim=1)


@torch.no_grad()
def latim_error(layer: LayerTrace) -> float:
    """|sum of LaTIM's contributions - mixer output| relative to the output, over all tokens."""
    total = 0
    for scan in layer.scans:
        read, taps = scan.positions, scan.conv_weight
        u = sum(F.silu(convolve(scan.x[read], _one_tap(taps, k))) for k in range(taps.shape[1]))
        y = run_scan(u[None], scan.dt[read], scan.A, scan.B[read], scan.C[read], scan.D)[0]
        total = total + scan.share * y[scan.steps]
    gap = (layer.gate * total) @ layer.out_weight.T - layer.output
    return float(gap.norm() / layer.output.norm())


def _one_tap(taps: Tensor, k: int) -> Tensor:
    alone = torch.zeros_like(taps)
    alone[:, k] = taps[:, k]
    return alone


def _source_blocks(layer: LayerTrace) -> Iterator[Tensor]:
    length, width = layer.z.shape
    at_once = max(1, BLOCK_BYTES // (length * width * layer.z.element_size()))
    yield from torch.arange(length).split(at_once)


def _contributions(query: MapQuery, sources: Tensor, impulses: Sequence[Tensor]) -> Tensor:
    layer = query.layer
    inner = _summed_over_scans(query, sources, impulses, skip=True).mul_(layer.gate)
    if query.upstream is None:
        return (inner @ layer.out_weight.T).norm(dim=-1).T
    return inner.mul_(query.inner_upstream).sum(-1).clamp_(min=0).T


def _summed_over_scans(
    query: MapQuery, sources: Tensor, impulses: Sequence[Tensor], skip: bool
) -> Tensor:
    """(S, L, E): the scans of both directions together, each fed its impulses, before the gate."""
    scans = zip(query.layer.scans, query.columns, impulses, strict=True)
    return sum(columns(sources, scan.share * put_in, skip) for scan, columns, put_in in scans)


def _separate_taps(scan: ScanTrace, sources: Tensor) -> Tensor:
    """LaTIM's share (S, K, E) of x[s] in u at the k-th step from s on."""
    return F.silu(scan.x[sources][:, None] * scan.conv_weight.flip(1).T)
