"""Heads that name a direction of the space that images and texts share."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

HEADS = ("text", "linear")
"""By closeness to a text for every class, which trains nothing, or by a linear layer."""

# 1 / 0.07, where CLIP's temperature starts.
_FIRST_SCALE = 1 / 0.07


def make_head(kind: str, width: int, num_classes: int) -> nn.Module:
    """A head of one of `HEADS`: directions (B, width) to logits (B, num_classes)."""
    if kind == "text":
        return TextHead(width, num_classes)
    return LinearHead(width, num_classes)


class LinearHead(nn.Linear):
    """A linear layer over directions.

    Directions have unit length, so that their entries are small; the layer sees them with a mean
    square of one, as a norm would give them, or its answers would stay near each other for long.
    """

    def __init__(self, width: int, num_classes: int):
        super().__init__(width, num_classes)
        nn.init.trunc_normal_(self.weight, std=0.02)
        nn.init.zeros_(self.bias)

    def forward(self, embeddings: Tensor) -> Tensor:
        """Logits of directions (B, width) of unit length."""
        return super().forward(math.sqrt(self.in_features) * embeddings)


class TextHead(nn.Module):
    """Scaled cosines with one text direction a class, as CLIP classifies without training.

    Directions and scale are kept with the model and never trained. Until `set_classes` they are
    random: the answers then mean nothing.
    """

    def __init__(self, width: int, num_classes: int):
        super().__init__()
        directions = F.normalize(torch.randn(num_classes, width), dim=-1)
        self.register_buffer("directions", directions)
        self.register_buffer("log_scale", torch.tensor(math.log(_FIRST_SCALE)))

    @torch.no_grad()
    def set_classes(self, directions: Tensor, scale: Tensor | float) -> None:
        """Takes directions (num_classes, width) and what cosines are multiplied with.

        Raises ValueError for another shape.
        """
        if directions.shape != self.directions.shape:
            raise ValueError(
                f"directions of shape {tuple(self.directions.shape)} were expected, got "
                f"{tuple(directions.shape)}"
            )
        self.directions.copy_(F.normalize(directions, dim=-1))
        self.log_scale.copy_(torch.as_tensor(scale).log())

    def forward(self, embeddings: Tensor) -> Tensor:
        """Logits of directions (B, width) of unit length."""
        return self.log_scale.exp() * embeddings @ self.directions.T
