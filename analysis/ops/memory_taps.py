"""Reading between tokens: which tokens a place lies between, and weighted sums of tokens."""

import torch
import torch.nn.functional as F
from torch import Tensor


def linear_taps(positions: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
    """The two steps around positions 0 <= p <= last along a sequence, and their weights.

    positions is any shape, `last` broadcasts to it. Returns steps and weights, both (..., 2); the
    weights sum to 1, and their gradient is that of p: the later token minus the earlier one.
    """
    # Neither step lies beyond the last: p = last is its tap with weight 1.
    lower = torch.minimum(positions.detach().floor(), last - 1).clamp(min=0)
    upper = torch.minimum(lower + 1, last)
    share = positions - lower
    steps = torch.stack([lower, upper], dim=-1).long()
    return steps, torch.stack([1 - share, share], dim=-1)


def bilinear_taps(rows: Tensor, columns: Tensor, h: int, w: int) -> tuple[Tensor, Tensor]:
    """The four sites around places on an h x w grid, row-major numbers, and their weights.

    What lies outside takes the value of the border. Returns sites and weights, both (..., 4).
    """
    at_row, row_weights = linear_taps(rows.clamp(0, h - 1), rows.new_tensor(h - 1))
    at_column, column_weights = linear_taps(columns.clamp(0, w - 1), rows.new_tensor(w - 1))
    sites = at_row[..., :, None] * w + at_column[..., None, :]
    weights = row_weights[..., :, None] * column_weights[..., None, :]
    return sites.flatten(-2), weights.flatten(-2)


def weighted_tokens(tokens: Tensor, index: Tensor, weights: Tensor) -> Tensor:
    """sum_j weights[b, i, j] tokens[b, index[b, i, j]]: tokens (B, L, C) to (B, L', C).

    index and weights (B, L', J). Never holds the J tokens of a sum side by side.
    """
    batch, length, channels = tokens.shape
    clips = torch.arange(batch, device=index.device)[:, None, None] * length
    summed = F.embedding_bag(
        (index + clips).flatten(0, 1),
        tokens.reshape(-1, channels),
        per_sample_weights=weights.to(tokens.dtype).flatten(0, 1),
        mode="sum",
    )
    return summed.view(batch, -1, channels)
