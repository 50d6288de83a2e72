"""How far a scan looks back, in scan steps, in patches and in frames."""

from dataclasses import dataclass

import torch
from torch import Tensor

from analysis.attribution.exact.rows import hidden_attention_row
from analysis.layers.token_grid import TokenGrid
from analysis.tracing.scan_trace import ScanTrace
from analysis.tracing.token_positions import token_coordinates


@dataclass(frozen=True, eq=False)
class AttentionDistance:
    """Mean distance between receiver and source, weighted with |alpha| (DeciMamba, section 4).

    by_query: (Q, 3) means over channels: scan steps; patches, Manhattan within the frame; frames.
    CLS stands nowhere on the grid: it counts in steps alone. queries: (Q,) receivers, canonical
    indices. tokens, patches, frames: means over queries (CLS left out of the latter two).
    """

    queries: Tensor
    by_query: Tensor
    tokens: float
    patches: float
    frames: float


@torch.no_grad()
def attention_distance(
    scan: ScanTrace, grid: TokenGrid, queries: Tensor | None = None
) -> AttentionDistance:
    """Distances of one scan; without the skip, as hidden attention has none.

    queries: (Q,) canonical indices of receivers; 64 evenly spaced steps of the scan by default,
    all of them in shorter sequences. Time: Q x L x E x N.
    """
    if queries is None:
        steps = torch.linspace(0, grid.length - 1, min(64, grid.length)).round().long()
        queries = scan.positions[steps]
    coordinates = token_coordinates(grid)
    by_query = torch.stack(
        [_query_distances(scan, coordinates, int(query)) for query in queries.tolist()]
    )
    patches = by_query[coordinates[queries, 0] >= 0, 1:].mean(0)
    return AttentionDistance(
        queries, by_query, by_query[:, 0].mean().item(), patches[0].item(), patches[1].item()
    )


def _query_distances(scan: ScanTrace, coordinates: Tensor, query: int) -> Tensor:
    """(3,) distances of one receiver, each averaged over channels; zero where nothing counts."""
    step = int(scan.steps[query])
    weights = hidden_attention_row(scan, step).abs()
    sources = scan.positions[: step + 1]
    apart = (coordinates[sources] - coordinates[query]).abs().to(weights.dtype)
    back = torch.arange(step, -1, -1, dtype=weights.dtype)
    distances = torch.stack([back, apart[:, 1] + apart[:, 2], apart[:, 0]])
    # CLS has -1 for all its coordinates.
    on_grid = ((coordinates[sources, 0] >= 0) & (coordinates[query, 0] >= 0)).to(weights.dtype)
    counted = torch.stack([torch.ones_like(back), on_grid, on_grid])
    sums, mass = (distances * counted) @ weights, counted @ weights
    return (sums / mass.clamp(min=torch.finfo(mass.dtype).tiny)).mean(1)
