"""Making the tensors of one model fit another size: more frames, other resolution, video.

VideoMamba, section 3.3 (image to video) and the fine-tuning rules of the published code:
the stem is inflated along time, the spatial position table is resized bicubically with its CLS
row kept, the temporal table is resized linearly.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

Grid = tuple[int, int]


def inflate_kernel(weight: Tensor, taps: int, mode: Literal["center", "mean"] = "center") -> Tensor:
    """Give an image stem a time axis: (D, C, p, p) -> (D, C, taps, p, p).

    "center" puts the weights at temporal index ``taps // 2`` and zeros elsewhere; "mean" spreads
    them evenly. Either way a clip whose frames are all alike embeds as the image did.
    """
    if weight.ndim != 4:
        raise ValueError(f"an image stem has 4 axes (D, C, p, p), not {weight.ndim}")
    if mode == "mean":
        return (weight / taps).unsqueeze(2).repeat(1, 1, taps, 1, 1)
    if mode != "center":
        raise ValueError(f"inflation mode is 'center' or 'mean', not {mode!r}")
    inflated = weight.new_zeros(*weight.shape[:2], taps, *weight.shape[2:])
    inflated[:, :, taps // 2] = weight
    return inflated


def square_grid(table: Tensor) -> Grid | None:
    """The (h, w) of a square position table (1, 1 + h*w, D); None when h*w is not a square."""
    side = math.isqrt(table.shape[1] - 1)
    return (side, side) if side * side == table.shape[1] - 1 else None


def resize_pos_embed(table: Tensor, source: Grid, target: Grid) -> Tensor:
    """Resize a position table (1, 1 + h*w, D) from the ``source`` grid (h, w) to ``target``.

    Bicubic, ``align_corners=False``; the CLS row stays as it is. Dtype is kept; the arithmetic is
    done in float32 or better.
    """
    if table.shape[1] != 1 + source[0] * source[1]:
        raise ValueError(
            f"a table for a {source[0]}x{source[1]} grid has {1 + source[0] * source[1]} rows, "
            f"not {table.shape[1]}"
        )
    if source == target:
        return table
    cls_row, patches = table[:, :1], table[:, 1:]
    grid = _computable(patches).unflatten(1, source).permute(0, 3, 1, 2)
    resized = F.interpolate(grid, size=target, mode="bicubic", align_corners=False)
    return torch.cat([cls_row, resized.flatten(2).transpose(1, 2).to(table.dtype)], dim=1)


def resize_temporal_table(table: Tensor, frames: int) -> Tensor:
    """Resize a temporal table (1, t, D) to (1, frames, D), linear, ``align_corners=False``."""
    if table.shape[1] == frames:
        return table
    rows = _computable(table).transpose(1, 2)
    resized = F.interpolate(rows, size=frames, mode="linear", align_corners=False)
    return resized.transpose(1, 2).to(table.dtype)


def _computable(table: Tensor) -> Tensor:
    return table if table.dtype in (torch.float32, torch.float64) else table.float()
