"""CLIP whole (arXiv 2103.00020): a tower for pictures and one for texts, into one space.

State-dict names are those of the published weights.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from analysis.models.clip_tower import (
    ClipTower,
    ClipTowerConfig,
    Transformer,
    clip_tower_l14,
    clip_tower_mini,
)
from analysis.models.registry import register_model

# 1 / 0.07, the published start of the temperature, and the published end of its range.
_FIRST_SCALE, _LARGEST_SCALE = 1 / 0.07, 100.0


@dataclass(frozen=True)
class ClipConfig:
    """Everything that shapes both towers.

    tower: the one for pictures; the texts' perceptrons have its activation, as all published ones.
    vocabulary_size: token numbers run below it, the largest one ends every text.
    context_length: tokens of the longest text, its end included.
    """

    tower: ClipTowerConfig = field(default_factory=ClipTowerConfig)
    vocabulary_size: int = 49_408
    context_length: int = 77
    text_width: int = 512
    text_layers: int = 12
    text_heads: int = 8
    num_frames = None

    @property
    def image_size(self) -> int | tuple[int, int]:
        """Of the pictures, in pixels."""
        return self.tower.image_size


class Clip(nn.Module):
    """A picture tower, a text tower and the temperature between them."""

    def __init__(self, config: ClipConfig):
        super().__init__()
        self.config = config
        width, length = config.text_width, config.context_length
        self.visual = ClipTower(config.tower)
        self.token_embedding = nn.Embedding(config.vocabulary_size, width)
        self.positional_embedding = nn.Parameter(0.01 * torch.randn(length, width))
        self.transformer = Transformer(
            width, config.text_layers, config.text_heads, config.tower.activation
        )
        self.ln_final = nn.LayerNorm(width)
        self.text_projection = nn.Parameter(
            width**-0.5 * torch.randn(width, config.tower.output_dim)
        )
        self.logit_scale = nn.Parameter(torch.tensor(_FIRST_SCALE).log())
        nn.init.normal_(self.token_embedding.weight, std=0.02)
        later = torch.full((length, length), float("-inf")).triu(1)
        self.register_buffer("causal_mask", later, persistent=False)

    @property
    def scale(self) -> Tensor:
        """What cosines are multiplied with to become logits, at most 100."""
        return self.logit_scale.exp().clamp(max=_LARGEST_SCALE)

    def encode_pictures(self, pictures: Tensor) -> Tensor:
        """Pictures (B, C, H, W) to directions (B, output_dim) of unit length."""
        return nn.functional.normalize(self.visual(pictures[:, :, None])[:, 0], dim=-1)

    def encode_texts(self, tokens: Tensor) -> Tensor:
        """Token numbers int64 (B, up to context_length) to directions (B, output_dim).

        Directions have unit length. A text is read up to its end, the largest number in its row;
        what follows has no influence.
        """
        length = tokens.shape[1]
        x = self.token_embedding(tokens) + self.positional_embedding[:length]
        for block in self.transformer.resblocks:
            x, _ = block(x, mask=self.causal_mask[:length, :length])
        ends = tokens.argmax(dim=1)
        last = self.ln_final(x)[torch.arange(len(x), device=x.device), ends]
        return nn.functional.normalize(last @ self.text_projection, dim=-1)

    def forward(self, pictures: Tensor, tokens: Tensor) -> Tensor:
        """Logits (pictures, texts): scaled cosines of every picture with every text."""
        return self.scale * self.encode_pictures(pictures) @ self.encode_texts(tokens).T


_register = register_model("clip", Clip)

_MINI = ClipConfig(
    tower=clip_tower_mini(),
    vocabulary_size=64,
    context_length=24,
    text_width=64,
    text_layers=2,
    text_heads=4,
)


def _config(base: ClipConfig, image_size: Any = None, **overrides: Any) -> ClipConfig:
    """`base` with fields replaced; the size of pictures belongs to their tower."""
    if image_size is not None:
        base = replace(base, tower=replace(base.tower, image_size=image_size))
    return replace(base, **overrides)


@_register
def clip_b16(**overrides: Any) -> ClipConfig:
    """The published CLIP with ViT-B/16."""
    return _config(ClipConfig(), **overrides)


@_register
def clip_l14(**overrides: Any) -> ClipConfig:
    """The published CLIP with ViT-L/14."""
    base = ClipConfig(tower=clip_tower_l14(), text_width=768, text_heads=12)
    return _config(base, **overrides)


@_register
def clip_mini(**overrides: Any) -> ClipConfig:
    """Small enough to train on two cores; its picture tower is `clip_tower_mini`. Ours."""
    return _config(_MINI, **overrides)
