"""One VideoMamba block: add, norm, mix."""

import torch
from torch import Tensor, nn

from analysis.layers.mixer import SPATIAL_FIRST, BidirectionalMixer
from analysis.layers.token_grid import TokenGrid
from analysis.layers.visible_tokens import VisibleTokens
from analysis.ops.drop_path import drop_path
from analysis.ops.norm import add_residual, rms_norm
from analysis.ops.region import region
from analysis.ops.scan_order import LayerScan


class RMSNorm(nn.Module):
    """Root-mean-square norm with a weight and no bias."""

    def __init__(self, width: int, eps: float = 1e-5):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return rms_norm(x, self.weight, self.eps)


class LayerNorm(nn.LayerNorm):
    """Layer norm that takes the float32 residual stream into the dtype of its weight."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.to(self.weight.dtype))


def make_norm(kind: str, width: int) -> nn.Module:
    """The norm of a name: "rms" (as published) or "layer" (used by the authors' FLOP counter)."""
    kinds = {"rms": RMSNorm, "layer": LayerNorm}
    if kind not in kinds:
        raise ValueError(f"unknown norm {kind!r}; choose rms or layer")
    return kinds[kind](width, eps=1e-5)


class Block(nn.Module):
    """Adds what came in to the residual stream, normalises it and mixes it.

    The residual it returns does not yet contain its own mixer's output (VideoMamba's published
    block; the next block adds it).
    """

    def __init__(self, mixer: BidirectionalMixer, norm: nn.Module, drop_rate: float = 0.0):
        super().__init__()
        self.mixer, self.norm, self.drop_rate = mixer, norm, drop_rate

    def forward(
        self,
        hidden: Tensor,
        residual: Tensor | None,
        grid: TokenGrid | VisibleTokens,
        scan: LayerScan = SPATIAL_FIRST,
    ) -> tuple[Tensor, Tensor]:
        """Tokens (B, L, D) and the residual stream (B, L, D) or None to the next pair."""
        with region("norm"):
            residual = add_residual(drop_path(hidden, self.drop_rate, self.training), residual)
            normed = self.norm(residual)
        return self.mixer(normed, grid, scan), residual
