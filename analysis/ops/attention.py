"""Attention between all tokens, as one stores it and as one computes it today."""

import torch.nn.functional as F
from torch import Tensor

ATTENTION_KERNELS = ("softmax", "sdpa")
"""Ways to compute the same attention. "softmax" is the plain product, which keeps a score for every
pair of tokens (B, heads, L, L); "sdpa" is PyTorch's, which need not."""


def check_attention_kernel(kernel: str) -> None:
    """Raises ValueError for a name that is not in `ATTENTION_KERNELS`."""
    if kernel not in ATTENTION_KERNELS:
        raise ValueError(
            f"unknown attention kernel {kernel!r}; choose {' or '.join(ATTENTION_KERNELS)}"
        )


def check_heads(width: int, heads: int) -> None:
    """Raises ValueError for a width that heads cannot share."""
    if width % heads:
        raise ValueError(f"a width of {width} can't be shared by {heads} heads; choose a divisor")


def attention(
    q: Tensor, k: Tensor, v: Tensor, *, kernel: str = "sdpa", mask: Tensor | None = None
) -> Tensor:
    """softmax(q k^T / sqrt(d)) v over (B, heads, L, d).

    As in "Attention is all you need", arXiv 1706.03762, equation 1. `mask` (L of q, L of k) is True
    where a query does not see a key. `kernel` changes memory and speed, not the result. Raises
    ValueError for an unknown kernel.
    """
    check_attention_kernel(kernel)
    if kernel == "sdpa":
        return F.scaled_dot_product_attention(q, k, v, None if mask is None else ~mask)
    scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-2, -1)
    if mask is not None:
        scores = scores.masked_fill(mask, float("-inf"))
    return scores.softmax(dim=-1) @ v
