"""What each token makes a layer do: step sizes, writing, keeping, reading, gating, skipping."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from analysis.tracing.layer_trace import LayerTrace
from analysis.tracing.scan_trace import DIRECTIONS, ScanTrace

_CHUNK_ELEMENTS = 2**22


@dataclass(frozen=True, eq=False)
class SelectivityMaps:
    """Read-outs (2, L) by direction and token, canonical order; token orders averaged.

    A layer that reads one way has one row. delta: mean step size over channels. variation: (2,) its
    standard deviation over tokens by its mean; 0 means that the direction treats all tokens alike.
    write: ||dt B u||. carry: mean decay exp(dt A), the share of the state that a token lets
    through. read: ||C||. zoh_ratio: (2,) mean of (1 - exp(-q)) / q, q = dt |A|: what an exact hold
    of the input would write over what the model writes; a view only, no decomposition uses it.
    """

    delta: Tensor
    variation: Tensor
    write: Tensor
    carry: Tensor
    read: Tensor
    zoh_ratio: Tensor


@dataclass(frozen=True, eq=False)
class PathShares:
    """Which way through the layer the output takes, before the output projection.

    gate: (L,) mean |g| over channels, None without a gate. skip: (L,) ||g D u|| / ||g y||,
    directions summed within each norm; skip_share: the same over all tokens. forward: (L,)
    ||g y_f||^2 over ||g y_f||^2 + ||g y_b||^2; forward_share: over all tokens. cosine: of g y_f and
    g y_b, over all tokens and channels; -1 means that the directions cancel.
    """

    gate: Tensor | None
    skip: Tensor
    skip_share: float
    forward: Tensor
    forward_share: float
    cosine: float


@torch.no_grad()
def selectivity_maps(layer: LayerTrace) -> SelectivityMaps:
    """The maps of a layer (analysis spec, sections 1.4 and 5). Memory: a chunk of L x E x N."""
    rows = []
    for direction in layer.directions:
        scans = layer.direction(direction)
        rows.append(_weighted(scans, [_scan_maps(scan) for scan in scans]))
    delta, write, carry, read, ratio = (torch.stack(maps) for maps in zip(*rows, strict=True))
    return SelectivityMaps(
        delta=delta,
        variation=delta.std(dim=1, correction=0) / delta.mean(dim=1),
        write=write,
        carry=carry,
        read=read,
        zoh_ratio=ratio.mean(dim=1),
    )


@torch.no_grad()
def path_shares(layer: LayerTrace) -> PathShares:
    """Gate, skip and direction shares of a layer (analysis spec, section 5)."""
    forward, backward = (layer.gate * layer.direction_output(name) for name in DIRECTIONS)
    skip = layer.gate * sum(scan.share * scan.D * scan.u for scan in layer.scans)
    both = forward + backward
    forward_energy, backward_energy = forward.square().sum(1), backward.square().sum(1)
    energy = forward_energy + backward_energy
    return PathShares(
        gate=None if layer.z is None else layer.gate.abs().mean(1),
        skip=_ratio(skip.norm(dim=1), both.norm(dim=1)),
        skip_share=_ratio(skip.norm(), both.norm()).item(),
        forward=_ratio(forward_energy, energy),
        forward_share=_ratio(forward_energy.sum(), energy.sum()).item(),
        cosine=_ratio((forward * backward).sum(), forward.norm() * backward.norm()).item(),
    )


def zoh_ratio(q: Tensor) -> Tensor:
    """(1 - exp(-q)) / q for q = dt |A| > 0: exact hold of the input over the published one."""
    return -torch.expm1(-q) / q


def _scan_maps(scan: ScanTrace) -> tuple[Tensor, ...]:
    """delta, write, carry, read and ratio of a scan, each (L,)."""
    carry, ratio = scan.dt.new_empty(2, len(scan.dt))
    for part, q in _products(scan):
        carry[part] = torch.exp(-q).mean((1, 2))
        ratio[part] = zoh_ratio(q).mean((1, 2))
    # B has no channel and u no state, so the norm of their product is the product of norms.
    write = (scan.dt * scan.u).norm(dim=1) * scan.B.norm(dim=1)
    return scan.dt.mean(1), write, carry, scan.C.norm(dim=1), ratio


def _products(scan: ScanTrace) -> Iterator[tuple[slice, Tensor]]:
    """dt |A| (tokens, E, N), a few tokens at a time."""
    size = max(1, _CHUNK_ELEMENTS // scan.A.numel())
    for first in range(0, len(scan.dt), size):
        part = slice(first, first + size)
        yield part, scan.dt[part, :, None] * scan.A.abs()


def _weighted(scans: tuple[ScanTrace, ...], maps: list[tuple[Tensor, ...]]) -> list[Tensor]:
    whole = sum(scan.share for scan in scans)
    return [
        sum(scan.share / whole * values for scan, values in zip(scans, same, strict=True))
        for same in zip(*maps, strict=True)
    ]


def _ratio(part: Tensor, whole: Tensor) -> Tensor:
    """part / whole, 0 where the whole is 0."""
    return torch.where(whole == 0, torch.zeros_like(part), part / torch.where(whole == 0, 1, whole))
