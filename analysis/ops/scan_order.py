"""Scan orders: in which sequence a state-space layer reads the tokens of a clip.

Two words are kept apart. A *token order* is one permutation of the (t, h, w) token grid. A *scan
order* is one of the seven plans of the VideoMamba paper (Fig. 7a): it says, for every layer and
both directions, which token order is read. Canonical positions are t-major, then rows, then
columns: the layout in which the models keep their tokens between layers.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor


def _spatial_first(grid: Tensor) -> Tensor:
    return grid.flatten()


def _temporal_first(grid: Tensor) -> Tensor:
    return grid.permute(1, 2, 0).flatten()


def _column_first(grid: Tensor) -> Tensor:
    return grid.permute(0, 2, 1).flatten()


def _boustrophedon(grid: Tensor) -> Tensor:
    """Rows alternate left-right, frames alternate top-bottom: every step is a grid neighbour."""
    rows_first = grid.clone()
    rows_first[1::2] = rows_first[1::2].flip(1)
    rows = rows_first.flatten(0, 1)
    rows[1::2] = rows[1::2].flip(1)
    return rows.flatten()


_TOKEN_ORDERS: dict[str, Callable[[Tensor], Tensor]] = {
    "spatial_first": _spatial_first,
    "temporal_first": _temporal_first,
    "boustrophedon": _boustrophedon,
    "column_first": _column_first,
}

TOKEN_ORDERS: tuple[str, ...] = tuple(_TOKEN_ORDERS)

SCAN_ORDERS: tuple[str, ...] = (
    "spatial_first",
    "temporal_first",
    "spatiotemporal_v1",
    "spatiotemporal_v2",
    "half_spatial_half_temporal",
    "half_temporal_half_spatial",
    "alternating",
)

FIXED_ORDER = "fixed"
"""What stands for the scan order of models that leave none to choose, or do not scan."""

PUBLISHED_SCAN_ORDERS: frozenset[str] = frozenset({"spatial_first"})
"""Scan orders that exist in published code; the others are our reading of the paper's text."""


@dataclass(frozen=True)
class LayerScan:
    """The token orders that the two directions of one layer read.

    Several orders in one direction share the layer's parameters and their outputs are averaged,
    so that the scale of the layer's output does not depend on their number.
    """

    forward: tuple[str, ...]
    backward: tuple[str, ...]

    @property
    def token_orders(self) -> tuple[str, ...]:
        """The distinct token orders of the layer, in the order of their first use."""
        return tuple(dict.fromkeys(self.forward + self.backward))


_SPATIAL = LayerScan(("spatial_first",), ("spatial_first",))
_TEMPORAL = LayerScan(("temporal_first",), ("temporal_first",))
_SPLIT = LayerScan(("spatial_first",), ("temporal_first",))
_BOTH = LayerScan(("spatial_first", "temporal_first"), ("spatial_first", "temporal_first"))


# Kept permutations serve training too, so they are never inference-mode tensors.
@lru_cache(maxsize=128)
@torch.inference_mode(False)
def token_permutation(token_order: str, t: int, h: int, w: int) -> Tensor:
    """The permutation of a token order over a t x h x w grid.

    Returns a LongTensor (t*h*w,): entry i is the canonical index of the token that is read at
    scan position i. The tensor is shared between calls and must not be written to.

    Raises ValueError for an unknown token order or an empty grid.
    """
    if token_order not in _TOKEN_ORDERS:
        raise ValueError(
            f"unknown token order {token_order!r}; choose one of {', '.join(TOKEN_ORDERS)}"
        )
    if min(t, h, w) < 1:
        raise ValueError(f"a token grid needs at least one token a side, got {t} x {h} x {w}")
    return _TOKEN_ORDERS[token_order](torch.arange(t * h * w).view(t, h, w))


def inverse_permutation(permutation: Tensor) -> Tensor:
    """The permutation that undoes `permutation`: entry i is the scan position of token i."""
    inverse = torch.empty_like(permutation)
    inverse[permutation] = torch.arange(permutation.numel(), device=permutation.device)
    return inverse


def step_lengths(tokens: Tensor, h: int, w: int) -> Tensor:
    """Manhattan length, in tokens, of every step along a path of canonical indices (n,): (n - 1,).

    A length of 1 goes to a grid neighbour; frames count like rows and columns.
    """
    frame, site = tokens // (h * w), tokens % (h * w)
    return sum(axis.diff().abs() for axis in (frame, site // w, site % w))


# Kept permutations serve training too, so they are never inference-mode tensors.
@lru_cache(maxsize=128)
@torch.inference_mode(False)
def sequence_permutation(
    token_order: str, t: int, h: int, w: int, prefix: int = 1
) -> tuple[Tensor, Tensor]:
    """A token order over a whole sequence whose first `prefix` tokens (CLS) stay where they are.

    Returns the permutation and its inverse, both (prefix + t*h*w,). Shared between calls: do not
    write to them.
    """
    patches = token_permutation(token_order, t, h, w) + prefix
    permutation = torch.cat([torch.arange(prefix), patches])
    return permutation, inverse_permutation(permutation)


def layer_scans(scan_order: str, depth: int) -> tuple[LayerScan, ...]:
    """The plan of a scan order for a model of `depth` layers, one `LayerScan` a layer.

    `spatial_first` is the published model. The other six follow the text of the VideoMamba paper
    (section 3.2 and Fig. 7a), for which no code exists:

    - `temporal_first`: all frames of a site before the next site, both directions.
    - `spatiotemporal_v1`: forward over spatial_first, backward over temporal_first.
    - `spatiotemporal_v2`: both directions over both orders, averaged (twice the scans).
    - `half_spatial_half_temporal` and its mirror: the first depth // 2 layers use one order, the
      rest the other.
    - `alternating`: even layers spatial_first, odd layers temporal_first.

    Raises ValueError for an unknown scan order.
    """
    half = depth // 2
    plans = {
        "spatial_first": (_SPATIAL,) * depth,
        "temporal_first": (_TEMPORAL,) * depth,
        "spatiotemporal_v1": (_SPLIT,) * depth,
        "spatiotemporal_v2": (_BOTH,) * depth,
        "half_spatial_half_temporal": (_SPATIAL,) * half + (_TEMPORAL,) * (depth - half),
        "half_temporal_half_spatial": (_TEMPORAL,) * half + (_SPATIAL,) * (depth - half),
        "alternating": tuple((_SPATIAL, _TEMPORAL)[i % 2] for i in range(depth)),
    }
    if scan_order not in plans:
        raise ValueError(
            f"unknown scan order {scan_order!r}; choose one of {', '.join(SCAN_ORDERS)}"
        )
    return plans[scan_order]
