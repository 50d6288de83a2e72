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
from analysis.ops.drop_path import drop_path_rates
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
class TrunkConfig:
    """Everything that shapes the blocks and what enters them.

    `num_frames` None makes an image model. `image_size` is one side or (height, width) in pixels.
    `tubelet` is the number of frames in a token.
    """

    width: int = 192
    depth: int = 24
    num_frames: int | None = 8
    image_size: int | tuple[int, int] = 224
    patch_size: int = 16
    tubelet: int = 1
    in_channels: int = 3
    state_size: int = 16
    conv_width: int = 4
    expand: int = 2
    scan_order: str = "spatial_first"
    norm: str = "rms"
    drop_path_rate: float = 0.0

    def __post_init__(self) -> None:
        layer_scans(self.scan_order, self.depth)
        if any(side % self.patch_size for side in self.frame_size):
            raise ValueError(
                f"an image of {self.frame_size[0]}x{self.frame_size[1]} pixels can't be cut into "
                f"patches of {self.patch_size}; choose a multiple of {self.patch_size}"
            )
        if self.num_frames is not None and self.num_frames % self.tubelet:
            raise ValueError(
                f"{self.num_frames} frames can't be cut into tubelets of {self.tubelet}; "
                f"choose a multiple of {self.tubelet}"
            )

    @property
    def frame_size(self) -> tuple[int, int]:
        """Height and width of a frame in pixels."""
        size = self.image_size
        return (size, size) if isinstance(size, int) else tuple(size)

    @property
    def token_grid(self) -> TokenGrid:
        """The grid of patch tokens."""
        height, width = (side // self.patch_size for side in self.frame_size)
        frames = 1 if self.num_frames is None else self.num_frames // self.tubelet
        return TokenGrid(frames, height, width)


class PatchEmbedding(nn.Module):
    """Non-overlapping patches (image) or tubelets (video) to D channels each."""

    def __init__(self, config: TrunkConfig):
        super().__init__()
        patch = config.patch_size
        if config.num_frames is None:
            self.proj = nn.Conv2d(config.in_channels, config.width, patch, stride=patch)
        else:
            kernel = (config.tubelet, patch, patch)
            self.proj = nn.Conv3d(config.in_channels, config.width, kernel, stride=kernel)

    def forward(self, clip: Tensor) -> Tensor:
        """(B, C, H, W) or (B, C, T, H, W) to (B, t, h*w, D)."""
        if isinstance(self.proj, nn.Conv2d):
            return self.proj(clip).flatten(2).transpose(1, 2)[:, None]
        return self._project_tubelets(clip)

    def _project_tubelets(self, clip: Tensor) -> Tensor:
        """The 3-D convolution as one matrix product: patches do not overlap, so it is one."""
        weight = self.proj.weight
        _, _, kt, kh, kw = weight.shape
        batch, channels, frames, height, width = clip.shape
        t, h, w = frames // kt, height // kh, width // kw
        patches = clip.reshape(batch, channels, t, kt, h, kh, w, kw)
        patches = patches.permute(0, 2, 4, 6, 1, 3, 5, 7).reshape(batch, t, h * w, -1)
        return nn.functional.linear(patches, weight.flatten(1), self.proj.bias)


class VideoMambaTrunk(nn.Module):
    """A stack of bidirectional Mamba blocks over [CLS, patches of frame 0, of frame 1, ...].

    Token sequence, position tables and residual stream follow the published code: CLS takes the
    first entry of `pos_embed` and no temporal embedding (VideoMamba paper, section 3.2, equation
    7 as implemented). Models add what they make of the residual stream.
    """

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
                BidirectionalMixer(width, config.state_size, config.conv_width, config.expand),
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
        self._check_clip(clip)
        patches = self.patch_embed(clip) + self.pos_embed[:, None, 1:]
        if self.config.num_frames is not None:
            patches = patches + self.temporal_pos_embedding[:, :, None]
        cls = (self.cls_token + self.pos_embed[:, :1]).expand(len(clip), -1, -1)
        return torch.cat([cls, patches.flatten(1, 2)], dim=1)

    def run_layers(self, hidden: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """The pair (hidden, residual) that each block returns, the blocks running as it is read.

        `hidden` are the tokens that enter the first block. The residual does not yet contain what
        stands beside it, the block's own output.
        """
        residual = None
        for layer, scan in zip(self.layers, self.layer_scans, strict=True):
            if self.checkpoint_layers and torch.is_grad_enabled():
                layer = partial(checkpoint, layer, use_reentrant=False)
            hidden, residual = layer(hidden, residual, self.token_grid, scan)
            yield hidden, residual

    def _check_clip(self, clip: Tensor) -> None:
        config = self.config
        frames = () if config.num_frames is None else (config.num_frames,)
        expected = (config.in_channels, *frames, *config.frame_size)
        if tuple(clip.shape[1:]) != expected:
            raise ValueError(
                f"the model takes clips of shape (B, {', '.join(map(str, expected))}), "
                f"got {tuple(clip.shape)}"
            )
