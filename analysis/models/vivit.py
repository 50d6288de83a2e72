"""ViViT (arXiv 2103.15691): tubelets under joint attention, or a factorised encoder.

Parameter names are those of the published vision transformers.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from analysis.layers.transformer_block import normed, transformer_norm
from analysis.models.initialization import initialize_transformer
from analysis.models.vision_transformer import (
    TransformerConfig,
    TransformerTrunk,
    check_arrangement,
    register_sizes,
    through_blocks,
    with_cls,
)
from analysis.ops.region import region

ARRANGEMENTS = ("joint", "factorised")


@dataclass(frozen=True)
class ViViTConfig(TransformerConfig):
    """Everything that shapes a ViViT.

    `arrangement` is "joint" (the paper's model 1) or "factorised" (model 2: an encoder of every
    moment by itself, then `temporal_depth` blocks over their CLS tokens).
    """

    tubelet: int = 2
    gelu: str = "tanh"
    arrangement: str = "joint"
    temporal_depth: int = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        check_arrangement(self.arrangement, ARRANGEMENTS)


class TemporalEncoder(nn.Module):
    """A transformer over [CLS, moment 0, moment 1, ...], with a position table and a norm."""

    def __init__(self, config: ViViTConfig):
        super().__init__()
        width, self.first_block = config.width, config.depth
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + config.token_grid.t, width))
        self.blocks = nn.ModuleList(config.block() for _ in range(config.temporal_depth))
        self.norm = transformer_norm(width)

    def forward(self, moments: Tensor) -> Tensor:
        """Vectors of moments (B, t, D) to one vector (B, D)."""
        with region("embed"):
            tokens = with_cls(self.cls_token, moments, self.pos_embed)
        tokens = through_blocks(self.blocks, tokens, first=self.first_block)
        return normed(self.norm, tokens)[:, 0]


class ViViT(TransformerTrunk):
    """A transformer over [CLS, tubelets of moment 0, of moment 1, ...], or one within each moment.

    Within moments they share a position table, and what their CLS gathered goes through a
    `TemporalEncoder`.
    """

    def __init__(self, config: ViViTConfig):
        grid, factorised = config.token_grid, config.arrangement == "factorised"
        super().__init__(config, grid.h * grid.w if factorised else grid.patches)
        self.temporal = TemporalEncoder(config) if factorised else None
        initialize_transformer(self)

    def forward(self, clip: Tensor) -> Tensor:
        """Logits (B, num_classes) of clips (B, C, T, H, W)."""
        with region("embed"):
            patches = self.patch_embed(clip)
            patches = patches.flatten(1, 2) if self.temporal is None else patches.flatten(0, 1)
            tokens = with_cls(self.cls_token, patches, self.pos_embed)
        tokens = through_blocks(self.blocks, tokens)
        vectors = normed(self.norm, tokens)[:, 0]
        if self.temporal is not None:
            vectors = self.temporal(vectors.unflatten(0, (len(clip), -1)))
        return self.classify(vectors)


for _arrangement in ARRANGEMENTS:
    register_sizes("vivit", ViViT, ViViTConfig(arrangement=_arrangement), suffix=f"_{_arrangement}")
