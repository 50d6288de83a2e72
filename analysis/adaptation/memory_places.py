"""Which tokens of a clip Adaptor-T reads: places of one token, and statistics of all."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from analysis.adaptation.adapted_layer import AdaptedLayer, MemoryScan
from analysis.tracing.token_positions import checked_index


@dataclass(frozen=True)
class MemoryPlace:
    """One place that a token reads.

    sequence: from 0, of the S memory sequences. token: canonical index of the token it lies
    nearest to. coefficient: its weight among the K places of its sequence. offset: scan steps
    from the reader to the place, p - i; above 0 the scan has yet to come there.
    """

    direction: str
    token_order: str
    sequence: int
    token: int
    coefficient: float
    offset: float


@dataclass(frozen=True, eq=False)
class OffsetHistogram:
    """How far from a token the places lie that it reads, over all tokens, scans and places.

    edges: (bins + 1,) scan steps p - i; counts: (bins,). ahead_share: of the places, those that
    the scan reads later than the token itself.
    """

    edges: Tensor
    counts: Tensor
    ahead_share: float


def memory_places(layer: AdaptedLayer, token: int) -> tuple[MemoryPlace, ...]:
    """The S * K places of a canonical token in each scan; none without memory.

    CLS reads nothing where places are on the grid. Raises ValueError for a token outside of the
    sequence.
    """
    checked_index(layer.grid, token)
    return tuple(place for scan in layer.scans for place in _places_of(scan, token))


def _places_of(scan: MemoryScan, token: int) -> list[MemoryPlace]:
    if scan.chosen is None:
        return []
    at = int(scan.back[token])
    if not scan.chosen.weights[0, at].any():
        return []
    nearest, offsets = nearest_tokens(scan)[at], place_offsets(scan)[at]
    coefficients = scan.chosen.coefficients[0, at]
    sequences, places = coefficients.shape
    return [
        MemoryPlace(
            scan.direction,
            scan.token_order,
            s,
            int(scan.read[nearest[s, k]]),
            float(coefficients[s, k]),
            float(offsets[s, k]),
        )
        for s in range(sequences)
        for k in range(places)
    ]


def nearest_tokens(scan: MemoryScan) -> Tensor:
    """(L, S, K) token of the scan's sequence that each place lies nearest to."""
    chosen = scan.chosen
    places = chosen.coefficients.shape[-1]
    # Shares in the interpolation: weights without the coefficient, which all of a place have.
    index, weights = (x[0].unflatten(-1, (places, -1)) for x in (chosen.index, chosen.weights))
    return index.gather(-1, weights.argmax(-1, keepdim=True))[..., 0]


def place_offsets(scan: MemoryScan) -> Tensor:
    """(L, S, K) scan steps p - i from each token of the sequence to its places.

    Of places on the grid, the steps to the token they lie nearest to.
    """
    positions, steps = scan.chosen.positions[0], scan.steps
    if positions.ndim == 4:
        positions = steps[nearest_tokens(scan)]
    return positions - steps[:, None, None]


def offset_histogram(layer: AdaptedLayer, bins: int = 41) -> OffsetHistogram:
    """Of all places that the layer's tokens read, CLS left out where it reads none.

    An odd number of bins has one around 0. Raises ValueError for a layer without memory.
    """
    offsets = torch.cat([_read_offsets(scan) for scan in _with_memory(layer)])
    reach = float(layer.grid.length - 1)
    edges = torch.linspace(-reach, reach, bins + 1, dtype=torch.float64)
    # The last edge belongs to the last bin.
    at = torch.bucketize(offsets.double(), edges[1:-1], right=True)
    counts = torch.bincount(at, minlength=bins)
    return OffsetHistogram(edges, counts, float((offsets > 0).double().mean()))


def coefficient_entropy(layer: AdaptedLayer) -> Tensor:
    """(S,) entropy of the coefficients over that of equal ones, mean over tokens and scans.

    1: all K places count the same; 0: one alone does, which it is for K = 1 too. Raises ValueError
    for a layer without memory.
    """
    scans = _with_memory(layer)
    places = scans[0].chosen.coefficients.shape[-1]
    if places == 1:
        return torch.zeros(scans[0].chosen.coefficients.shape[2])
    means = [torch.special.entr(scan.chosen.coefficients[0]).sum(-1).mean(0) for scan in scans]
    return torch.stack(means).mean(0) / math.log(places)


def _read_offsets(scan: MemoryScan) -> Tensor:
    reads = scan.chosen.weights[0].flatten(1).any(1)
    return place_offsets(scan)[reads].flatten()


def _with_memory(layer: AdaptedLayer) -> tuple[MemoryScan, ...]:
    if not layer.has_memory:
        raise ValueError(f"layer {layer.layer} has no memory to look into")
    return layer.scans
