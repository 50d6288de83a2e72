"""What a scan finds once tokens are hidden: runs, gaps, and who of the neighbours stays in reach.

Hidden tokens are dropped before the first layer, so the visible ones move together: tokens that
stood far apart in the scan become neighbours for the convolution and the state. Rows of visible
tokens keep what stood together together; single tokens do not (VideoMamba paper, section 3.4).
CLS tokens are left out of every figure. Reading a token order backwards changes none of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from fractions import Fraction
from itertools import zip_longest

import torch
from torch import Tensor

from analysis.ops.scan_order import (
    inverse_permutation,
    layer_scans,
    step_lengths,
    token_permutation,
)


@dataclass(frozen=True)
class CompactedScan:
    """One mask as one scan reads it, or as all scans of a model do (`plan_scan`).

    A figure is None where there is nothing to take it from: no visible token, or only one, or no
    two visible grid neighbours.

    - `run_counts`: entry i is the number of visible runs of i + 1 tokens that follow one another
      in the scan; `mean_run`, `longest_run` in tokens.
    - `gap_counts`: entry i is the number of consecutive visible tokens that stood i + 1 scan steps
      apart before the hidden ones were dropped (all stand 1 apart after it); `mean_gap`,
      `largest_gap` in scan steps.
    - `scan_adjacency`: share of consecutive visible tokens that stood 1 step apart before, 0 to 1.
    - `grid_adjacency`: share of consecutive visible tokens that are neighbours on the grid.
    - `spatial_reach`, `temporal_reach`: of visible grid neighbours (in a frame; same site in
      consecutive frames), the share at most conv_width - 1 steps apart among the visible tokens;
      `*_reach_before`: the same pairs before the hidden tokens were dropped.
    - `spatial_pairs`, `temporal_pairs`: the number of such pairs; `spatial_in_reach`,
      `temporal_in_reach`: those of them in reach, per visible token. A mask of single tokens has
      few pairs, however near dropping brings them.
    """

    run_counts: tuple[float, ...]
    mean_run: float | None
    longest_run: int
    gap_counts: tuple[float, ...]
    mean_gap: float | None
    largest_gap: int
    scan_adjacency: float | None
    grid_adjacency: float | None
    spatial_reach: float | None
    spatial_reach_before: float | None
    spatial_pairs: int
    spatial_in_reach: float | None
    temporal_reach: float | None
    temporal_reach_before: float | None
    temporal_pairs: int
    temporal_in_reach: float | None


_COUNTS = ("run_counts", "gap_counts")
_EXTREMES = ("longest_run", "largest_gap")
_OF_THE_MASK = ("spatial_pairs", "temporal_pairs")


def compacted_scan(hidden: Tensor, token_order: str, *, conv_width: int = 4) -> CompactedScan:
    """What one token order finds of a mask (t, h, w), True = hidden.

    Raises ValueError, one sentence, for an unknown token order, a mask of another shape or kind
    and a conv_width below 1.
    """
    t, h, w = checked_mask(hidden).shape
    if conv_width < 1:
        raise ValueError(f"conv_width counts taps and is at least 1, got {conv_width}")
    path = token_permutation(token_order, t, h, w)
    shown = ~hidden.flatten()[path]
    places = shown.nonzero()[:, 0]
    gaps, runs = places.diff(), _run_lengths(places)
    before = inverse_permutation(path)
    after = (shown.cumsum(0) - 1)[before]
    temporal, vertical, horizontal = (
        _visible_pairs(hidden, before, after, axis) for axis in range(3)
    )
    spatial = torch.cat([vertical, horizontal], dim=1)
    return CompactedScan(
        run_counts=_histogram(runs),
        mean_run=_mean(runs),
        longest_run=_largest(runs),
        gap_counts=_histogram(gaps),
        mean_gap=_mean(gaps),
        largest_gap=_largest(gaps),
        scan_adjacency=_mean(gaps == 1),
        grid_adjacency=_mean(step_lengths(path[places], h, w) == 1),
        spatial_reach=_mean(spatial[1] < conv_width),
        spatial_reach_before=_mean(spatial[0] < conv_width),
        spatial_pairs=spatial.shape[1],
        spatial_in_reach=_per_token(spatial[1] < conv_width, len(places)),
        temporal_reach=_mean(temporal[1] < conv_width),
        temporal_reach_before=_mean(temporal[0] < conv_width),
        temporal_pairs=temporal.shape[1],
        temporal_in_reach=_per_token(temporal[1] < conv_width, len(places)),
    )


def scan_shares(scan_order: str, depth: int) -> dict[str, float]:
    """The share each token order has in the scans of a model of `depth` layers; they sum to 1.

    Layers and directions count equally; orders that a direction averages share its part. Raises
    ValueError for an unknown scan order.
    """
    shares: dict[str, Fraction] = {}  # Exact, so that plans that read alike have equal figures.
    for layer in layer_scans(scan_order, depth):
        for direction in (layer.forward, layer.backward):
            for name in direction:
                shares[name] = shares.get(name, 0) + Fraction(1, 2 * depth * len(direction))
    return {name: float(share) for name, share in shares.items()}


def plan_scan(scans: Mapping[str, CompactedScan], shares: Mapping[str, float]) -> CompactedScan:
    """The mean over the scans of a model: `scans` by token order, weighted by `scan_shares`.

    Means, shares and counts are averaged over scans; the longest run and the largest gap are those
    of any scan.
    """
    parts = [(scans[name], share) for name, share in shares.items()]
    if len(parts) == 1:
        return parts[0][0]
    return CompactedScan(**{field.name: _mixed(field.name, parts) for field in fields(parts[0][0])})


def checked_mask(hidden: Tensor) -> Tensor:
    """The mask itself. Raises ValueError, one sentence, if it is not bool (t, h, w) with tokens."""
    if hidden.dtype != torch.bool or hidden.ndim != 3 or not hidden.numel():
        raise ValueError(
            f"a mask is true or false for every token of (t, h, w), got {tuple(hidden.shape)} of "
            f"{hidden.dtype}; leave CLS out"
        )
    return hidden


def _run_lengths(places: Tensor) -> Tensor:
    """Lengths of the runs of consecutive numbers in an ascending list."""
    if not len(places):
        return places
    starts = torch.ones_like(places, dtype=torch.bool)
    starts[1:] = places.diff() > 1
    edges = torch.cat([starts.nonzero()[:, 0], torch.tensor([len(places)])])
    return edges.diff()


def _visible_pairs(hidden: Tensor, before: Tensor, after: Tensor, axis: int) -> Tensor:
    """Steps between visible neighbours along an axis, before and after dropping: (2, pairs)."""
    size = hidden.shape[axis] - 1
    both = ~(hidden.narrow(axis, 0, size) | hidden.narrow(axis, 1, size))
    steps = torch.stack([before, after]).view(2, *hidden.shape).diff(dim=axis + 1).abs()
    return steps[:, both]


def _histogram(lengths: Tensor) -> tuple[float, ...]:
    return tuple(map(float, torch.bincount(lengths)[1:].tolist()))


def _mean(values: Tensor) -> float | None:
    return values.double().mean().item() if values.numel() else None


def _per_token(flags: Tensor, tokens: int) -> float | None:
    return int(flags.sum()) / tokens if tokens else None


def _largest(values: Tensor) -> int:
    return int(values.max()) if values.numel() else 0


def _mixed(name: str, parts: Sequence[tuple[CompactedScan, float]]):
    values = [(getattr(scan, name), share) for scan, share in parts]
    if name in _OF_THE_MASK:
        return values[0][0]
    if name in _EXTREMES:
        return max(value for value, _ in values)
    if name in _COUNTS:
        columns = zip_longest(*(counts for counts, _ in values), fillvalue=0.0)
        weights = [share for _, share in values]
        return tuple(
            sum(c * share for c, share in zip(column, weights, strict=True)) for column in columns
        )
    # None is a matter of the mask alone, so all orders agree on it.
    return None if values[0][0] is None else sum(value * share for value, share in values)
