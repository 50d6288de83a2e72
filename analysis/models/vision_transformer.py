"""Vision transformers (arXiv 2010.11929): what the attention models share, and the plain one.

The stem is VideoMamba's; parameter names are those of the published vision transformers.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from analysis.layers.transformer_block import TransformerBlock, normed, transformer_norm
from analysis.models.initialization import initialize_transformer
from analysis.models.patch_embedding import PatchEmbedding, StemConfig
from analysis.models.registry import register_model
from analysis.ops.attention import check_attention_kernel, check_heads
from analysis.ops.region import region

TRANSFORMER_SIZES: dict[str, dict[str, Any]] = {
    "tiny": {"width": 192, "heads": 3},
    "small": {"width": 384, "heads": 6},
    "base": {"width": 768, "heads": 12},
    "l14": {"width": 1024, "heads": 16, "depth": 24, "patch_size": 14},
}
"""Fields of `TransformerConfig` by size: 12 blocks deep (arXiv 2012.12877, table 1), but for L
(arXiv 2010.11929, table 1), whose patches are those of CLIP's L/14."""


@dataclass(frozen=True)
class TransformerConfig(StemConfig):
    """Everything that shapes blocks of attention and what enters them.

    `mlp_ratio` is the inner width of a block's MLP over D. `attention_kernel` is one of
    `analysis.ops.attention.ATTENTION_KERNELS`. `gelu` is "none" (exact) or "tanh", as in
    `torch.nn.functional.gelu`.
    """

    depth: int = 12
    heads: int = 3
    mlp_ratio: int = 4
    num_classes: int = 400
    attention_kernel: str = "sdpa"
    gelu: str = "none"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_attention_kernel(self.attention_kernel)
        check_heads(self.width, self.heads)

    def block(self, kind: Callable[..., nn.Module] = TransformerBlock) -> nn.Module:
        """A new block of this size, of `TransformerBlock` or a class made like it."""
        inner = self.mlp_ratio * self.width
        return kind(self.width, self.heads, inner, self.attention_kernel, self.gelu)


def check_arrangement(arrangement: str, known: tuple[str, ...]) -> None:
    """Raises ValueError for an arrangement of attention that a model does not have."""
    if arrangement not in known:
        raise ValueError(f"unknown arrangement {arrangement!r}; choose {' or '.join(known)}")


class TransformerTrunk(nn.Module):
    """Stem, CLS, a position table of `positions` patch tokens, blocks, final norm, classifier."""

    def __init__(
        self,
        config: TransformerConfig,
        positions: int,
        block: Callable[..., nn.Module] = TransformerBlock,
    ):
        super().__init__()
        self.config, self.token_grid = config, config.token_grid
        width = config.width
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + positions, width))
        self.patch_embed = PatchEmbedding(config)
        self.blocks = nn.ModuleList(config.block(block) for _ in range(config.depth))
        self.norm = transformer_norm(width)
        self.head = nn.Linear(width, config.num_classes)

    def classify(self, vectors: Tensor) -> Tensor:
        """Vectors (B, D) after the last norm to logits (B, num_classes)."""
        with region("head"):
            return self.head(vectors)


def with_cls(cls_token: Tensor, patches: Tensor, table: Tensor) -> Tensor:
    """[CLS, patches] (N, 1 + n, D) of patches (N, n, D), a position table (1, 1 + n, D) added."""
    return torch.cat([cls_token.expand(len(patches), -1, -1), patches], dim=1) + table


def through_blocks(
    blocks: Iterable[nn.Module], tokens: Tensor, *context: Any, first: int = 0
) -> Tensor:
    """Tokens after all blocks, which get `context` too; `first` is the first block's number."""
    for number, block in enumerate(blocks, first):
        with region(f"layer {number}"):
            tokens = block(tokens, *context)
    return tokens


class VisionTransformer(TransformerTrunk):
    """Every frame looked at by itself; the logits of a clip are the mean over its frames."""

    def __init__(self, config: TransformerConfig):
        super().__init__(config, config.token_grid.h * config.token_grid.w)
        initialize_transformer(self)

    def forward(self, clip: Tensor) -> Tensor:
        """Logits (B, num_classes) of images (B, C, H, W) or clips (B, C, T, H, W)."""
        with region("embed"):
            patches = self.patch_embed(clip).flatten(0, 1)
            tokens = with_cls(self.cls_token, patches, self.pos_embed)
        tokens = through_blocks(self.blocks, tokens)
        logits = self.classify(normed(self.norm, tokens)[:, 0])
        return logits.unflatten(0, (len(clip), -1)).mean(1)


def register_sizes(
    family: str, model: type[nn.Module], config: TransformerConfig, suffix: str = ""
) -> None:
    """Registers `family`_`size``suffix` for every size: `config` with its width and heads."""

    def register(size: str) -> None:
        def configure(**overrides: Any) -> TransformerConfig:
            return replace(config, **{**TRANSFORMER_SIZES[size], **overrides})

        configure.__name__ = f"{family}_{size}{suffix}"
        register_model(family, model)(configure)

    for size in TRANSFORMER_SIZES:
        register(size)


register_sizes("vit", VisionTransformer, TransformerConfig())
