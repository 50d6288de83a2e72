"""TimeSformer (arXiv 2102.05095): attention over space and time, joint or divided.

State-dict names are those of the published checkpoints, whose stem is an image's.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from analysis.layers.transformer_block import (
    SelfAttention,
    TransformerBlock,
    normed,
    transformer_norm,
)
from analysis.models.initialization import initialize_transformer
from analysis.models.vision_transformer import (
    TransformerConfig,
    TransformerTrunk,
    check_arrangement,
    register_sizes,
    through_blocks,
)
from analysis.ops.region import region

ARRANGEMENTS = ("joint", "divided")


@dataclass(frozen=True)
class TimeSformerConfig(TransformerConfig):
    """Everything that shapes a TimeSformer.

    `arrangement` is "joint" (every token to every other) or "divided" (to the same place in other
    frames, then to the other places of the frame).
    """

    arrangement: str = "divided"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_arrangement(self.arrangement, ARRANGEMENTS)


class DividedBlock(TransformerBlock):
    """Attention along time, then within every frame, then the MLP (section 3, Fig. 2)."""

    def __init__(self, width: int, heads: int, inner_width: int, kernel: str, approximate: str):
        super().__init__(width, heads, inner_width, kernel, approximate)
        self.temporal_norm1 = transformer_norm(width)
        self.temporal_attn = SelfAttention(width, heads, kernel)
        self.temporal_fc = nn.Linear(width, width)

    def forward(self, x: Tensor, frames: int) -> Tensor:
        """Tokens (B, 1 + t*n, D), CLS then `frames` frames of n patches, to the same.

        CLS takes no part in attention along time. Within frames it stands in each, and what it
        gathers there is averaged.
        """
        cls, patches = x[:, :1], x[:, 1:].unflatten(1, (frames, -1))
        patches = patches + self._along_time(patches)
        repeated = cls[:, None].expand(-1, frames, -1, -1)
        within = torch.cat([repeated, patches], dim=2).flatten(0, 1)
        gathered = self.attn(normed(self.norm1, within)).unflatten(0, (-1, frames))
        cls = cls + gathered[:, :, 0].mean(1, keepdim=True)
        patches = patches + gathered[:, :, 1:]
        return self.think(torch.cat([cls, patches.flatten(1, 2)], dim=1))

    def _along_time(self, patches: Tensor) -> Tensor:
        """What patches (B, t, n, D) gather from the same place in all frames."""
        places = patches.transpose(1, 2)
        gathered = self.temporal_attn(normed(self.temporal_norm1, places.flatten(0, 1)))
        with region("out_proj"):
            gathered = self.temporal_fc(gathered)
        return gathered.unflatten(0, places.shape[:2]).transpose(1, 2)


class TimeSformer(TransformerTrunk):
    """A transformer over [CLS, patches of frame 0, of frame 1, ...]."""

    def __init__(self, config: TimeSformerConfig):
        divided, grid = config.arrangement == "divided", config.token_grid
        super().__init__(config, grid.h * grid.w, DividedBlock if divided else TransformerBlock)
        self.divided = divided
        self.time_embed = nn.Parameter(torch.zeros(1, grid.t, config.width))
        initialize_transformer(self)
        if divided:
            # As published: all blocks but the first begin as those of images.
            for block in self.blocks[1:]:
                nn.init.zeros_(block.temporal_fc.weight)

    def embed(self, clip: Tensor) -> Tensor:
        """Pixels to the tokens (B, L, D) that enter the first block, CLS first.

        Raises ValueError when the clip does not have the size the model was made for.
        """
        patches = self.patch_embed(clip) + self.pos_embed[:, None, 1:]
        patches = (patches + self.time_embed[:, :, None]).flatten(1, 2)
        cls = (self.cls_token + self.pos_embed[:, :1]).expand(len(clip), -1, -1)
        return torch.cat([cls, patches], dim=1)

    def forward(self, clip: Tensor) -> Tensor:
        """Logits (B, num_classes) of clips (B, C, T, H, W)."""
        with region("embed"):
            tokens = self.embed(clip)
        frames = (self.token_grid.t,) if self.divided else ()
        tokens = through_blocks(self.blocks, tokens, *frames)
        return self.classify(normed(self.norm, tokens)[:, 0])


for _arrangement in ARRANGEMENTS:
    register_sizes(
        "timesformer",
        TimeSformer,
        TimeSformerConfig(arrangement=_arrangement),
        suffix=f"_{_arrangement}",
    )
