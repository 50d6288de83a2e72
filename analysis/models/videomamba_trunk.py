"""What every VideoMamba shares: pixels to tokens, and tokens through the blocks.

State-dict names and shapes are those of the published checkpoints.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from analysis.layers.block import Block, make_norm
from analysis.layers.mixer import BidirectionalMixer
from analysis.layers.token_grid import TokenGrid
from analysis.layers.visible_tokens import VisibleTokens
from analysis.models.patch_embedding import PatchEmbedding, StemConfig
from analysis.ops.drop_path import drop_path_rates
from analysis.ops.region import region
from analysis.ops.scan_order import layer_scans

SIZES: dict[str, dict[str, Any]] = {
    "tiny": {"width": 192, "depth": 24},
    "small": {"width": 384, "depth": 24},
    "middle": {"width": 576, "depth": 32},
    "base": {"width": 768, "depth": 24},
    "mini": {
        "width": 64,
        "depth": 6,
        "state_size": 8,
        "num_frames": 8,
        "image_size": 64,
        "patch_size": 8,
        "tubelet": 2,
    },
    "debug": {
        "width": 24,
        "depth": 3,
        "state_size": 4,
        "num_frames": 4,
        "image_size": 16,
        "patch_size": 4,
    },
}
"""Fields of `TrunkConfig` by size: the four published ones, and two of ours."""


@dataclass(frozen=True)
class TrunkConfig(StemConfig):
    """Everything that shapes the blocks and what enters them."""

    depth: int = 24
    state_size: int = 16
    conv_width: int = 4
    expand: int = 2
    scan_order: str = "spatial_first"
    norm: str = "rms"
    drop_path_rate: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        layer_scans(self.scan_order, self.depth)


class VideoMambaTrunk(nn.Module):
    """A stack of bidirectional Mamba blocks over [CLS, patches of frame 0, of frame 1, ...].

    Token sequence, position tables and residual stream follow the published code: CLS takes the
    first entry of `pos_embed` and no temporal embedding (VideoMamba paper, section 3.2, equation
    7 as implemented). Models add what they make of the residual stream.
    """

    mixer_class: type[BidirectionalMixer] = BidirectionalMixer

    def __init__(self, config: TrunkConfig):
        super().__init__()
        self.config = config
        self.token_grid = grid = config.token_grid
        width = config.width
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + grid.h * grid.w, width))
        if config.num_frames is not None:
            self.temporal_pos_embedding = nn.Parameter(torch.zeros(1, grid.t, width))
        self.patch_embed = PatchEmbedding(config)
        *rates, self.last_drop_rate = drop_path_rates(config.drop_path_rate, config.depth)
        self.layers = nn.ModuleList(
            Block(
                self.mixer_class(width, config.state_size, config.conv_width, config.expand),
                make_norm(config.norm, width),
                rate,
            )
            for rate in rates
        )
        self.set_scan_order(config.scan_order)
        # Recompute layers in the backward pass instead of keeping their inside; set by training.
        self.checkpoint_layers = False

    @property
    def scan_order(self) -> str:
        """The scan order in use, which may differ from the one the model was made with."""
        return self._scan_order

    def set_scan_order(self, scan_order: str) -> None:
        """Reads tokens in another scan order from now on; parameters stay as they are.

        Raises ValueError for an unknown scan order.
        """
        self.layer_scans = layer_scans(scan_order, len(self.layers))
        self._scan_order = scan_order

    def embed(self, clip: Tensor) -> Tensor:
        """Pixels to the token sequence (B, L, D) that enters the first block, CLS first.

        Raises ValueError when the clip does not have the size the model was made for.
        """
        with region("embed"):
            positions = self.position_table()
            patches = self.patch_embed(clip) + positions[:, None, 1:]
            if self.config.num_frames is not None:
                patches = patches + self.temporal_pos_embedding[:, :, None]
            cls = (self.cls_token + positions[:, :1]).expand(len(clip), -1, -1)
            return torch.cat([cls, patches.flatten(1, 2)], dim=1)

    def position_table(self) -> Tensor:
        """Of CLS and the patches of a frame in canonical order, (1, 1 + h*w, D)."""
        return self.pos_embed

    def run_layers(
        self, hidden: Tensor, grid: TokenGrid | VisibleTokens | None = None
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """The pair (hidden, residual) that each block returns, the blocks running as it is read.

        `hidden` are the tokens that enter the first block: all those of the model's grid, or of
        another `grid`, or the visible ones of a mask.
        The residual does not yet contain what stands beside it, the block's own output.
        """
        residual, grid = None, grid or self.token_grid
        for number, (layer, scan) in enumerate(zip(self.layers, self.layer_scans, strict=True)):
            if self.checkpoint_layers and torch.is_grad_enabled():
                layer = partial(checkpoint, layer, use_reentrant=False)
            with region(f"layer {number}"):
                hidden, residual = layer(hidden, residual, grid, scan)
            yield hidden, residual
