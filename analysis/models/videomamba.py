"""VideoMamba (arXiv 2403.06977): image and video models of every size from one class.

State-dict names and shapes are those of the published checkpoints. The published model is
`scan_order="spatial_first"` with `readout="cls"`; other values are our extensions.
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from analysis.layers.block import Block, RMSNorm, make_norm
from analysis.layers.mixer import BidirectionalMixer
from analysis.layers.token_grid import TokenGrid
from analysis.models.initialization import initialize_videomamba
from analysis.models.registry import register_model
from analysis.ops.drop_path import drop_path, drop_path_rates
from analysis.ops.norm import add_residual
from analysis.ops.scan_order import layer_scans


@dataclass(frozen=True)
class VideoMambaConfig:
    """Everything that shapes a VideoMamba.

    `num_frames` None makes an image model. `image_size` is one side or (height, width) in pixels.
    `tubelet` is the number of frames in a token. `distill_width` adds the published
    self-distillation head towards a teacher of that width.
    """

    width: int = 192
    depth: int = 24
    num_frames: int | None = 8
    image_size: int | tuple[int, int] = 224
    patch_size: int = 16
    tubelet: int = 1
    in_channels: int = 3
    num_classes: int = 1000
    state_size: int = 16
    conv_width: int = 4
    expand: int = 2
    readout: str = "cls"
    scan_order: str = "spatial_first"
    norm: str = "rms"
    drop_path_rate: float = 0.0
    distill_width: int | None = None

    def __post_init__(self) -> None:
        if self.readout not in ("cls", "mean"):
            raise ValueError(f"unknown readout {self.readout!r}; choose cls or mean")
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

    def __init__(self, config: VideoMambaConfig):
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


class VideoMamba(nn.Module):
    """A stack of bidirectional Mamba blocks over [CLS, patches of frame 0, of frame 1, ...].

    Token sequence, position tables and residual stream follow the published code: CLS takes the
    first entry of `pos_embed` and no temporal embedding (VideoMamba paper, section 3.2, equation
    7 as implemented).
    """

    def __init__(self, config: VideoMambaConfig):
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
        self.norm_f = make_norm(config.norm, width)
        self.head = nn.Linear(width, config.num_classes) if config.num_classes else nn.Identity()
        if config.distill_width is not None:
            self.distill_head = nn.Sequential(
                RMSNorm(width), nn.Linear(width, config.distill_width)
            )
        self.set_scan_order(config.scan_order)
        # Recompute layers in the backward pass instead of keeping their inside; set by training.
        self.checkpoint_layers = False
        initialize_videomamba(self)

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

    def forward_features(self, clip: Tensor) -> Tensor:
        """Tokens (B, L, D) after the last block and the final norm, CLS at index 0."""
        hidden, residual = self.embed(clip), None
        for layer, scan in zip(self.layers, self.layer_scans, strict=True):
            if self.checkpoint_layers and torch.is_grad_enabled():
                layer = partial(checkpoint, layer, use_reentrant=False)
            hidden, residual = layer(hidden, residual, self.token_grid, scan)
        hidden = drop_path(hidden, self.last_drop_rate, self.training)
        return self.norm_f(add_residual(hidden, residual))

    def readout(self, features: Tensor) -> Tensor:
        """One vector (B, D) from final tokens: CLS, or the mean over patch tokens."""
        return features[:, 0] if self.config.readout == "cls" else features[:, 1:].mean(1)

    def forward(self, clip: Tensor) -> Tensor:
        """Logits (B, num_classes) of images (B, C, H, W) or clips (B, C, T, H, W)."""
        return self.head(self.readout(self.forward_features(clip)))

    def distill_features(self, features: Tensor) -> Tensor:
        """Unit-length tokens in the teacher's width, for self-distillation.

        `features` are this model's final tokens (B, L, D). The head normalises them once more, as
        published. A model without the head returns its own tokens at unit length (the teacher).
        """
        if self.config.distill_width is not None:
            features = self.distill_head(features)
        return nn.functional.normalize(features, dim=-1)

    def _check_clip(self, clip: Tensor) -> None:
        config = self.config
        frames = () if config.num_frames is None else (config.num_frames,)
        expected = (config.in_channels, *frames, *config.frame_size)
        if tuple(clip.shape[1:]) != expected:
            raise ValueError(
                f"the model takes clips of shape (B, {', '.join(map(str, expected))}), "
                f"got {tuple(clip.shape)}"
            )


_SIZES: dict[str, dict[str, Any]] = {
    "tiny": {"width": 192, "depth": 24},
    "small": {"width": 384, "depth": 24},
    "middle": {"width": 576, "depth": 32},
    "base": {"width": 768, "depth": 24},
}

_variant = register_model("videomamba", VideoMamba)


def _config(**fields: Any) -> VideoMambaConfig:
    return replace(VideoMambaConfig(), **fields)


def _register_size(size: str, name: str, **fields: Any) -> None:
    def configure(**overrides: Any) -> VideoMambaConfig:
        return _config(**{**_SIZES[size], **fields, **overrides})

    configure.__name__ = name
    _variant(configure)


for _size in _SIZES:
    _register_size(_size, f"videomamba_{_size}", num_frames=8, num_classes=400)
for _size in _SIZES:
    _register_size(_size, f"videomamba_image_{_size}", num_frames=None)
for _size in ("middle", "base"):
    _register_size(_size, f"videomamba_image_{_size}_distill", num_frames=None, distill_width=384)


@_variant
def videomamba_mini(**overrides: Any) -> VideoMambaConfig:
    """A size that trains on two cores: 8 frames of 64 x 64, 257 tokens, mean readout. Ours."""
    fields = {
        "state_size": 8,
        "width": 64,
        "depth": 6,
        "num_frames": 8,
        "image_size": 64,
        "patch_size": 8,
        "tubelet": 2,
        "num_classes": 9,
        "readout": "mean",
    }
    return _config(**{**fields, **overrides})


@_variant
def videomamba_debug(**overrides: Any) -> VideoMambaConfig:
    """A video model small enough for float64 and finite differences. Ours."""
    fields = {
        "width": 24,
        "depth": 3,
        "num_frames": 4,
        "image_size": 16,
        "patch_size": 4,
        "num_classes": 5,
        "state_size": 4,
    }
    return _config(**{**fields, **overrides})


@_variant
def videomamba_image_debug(**overrides: Any) -> VideoMambaConfig:
    """The image sibling of `videomamba_debug`. Ours."""
    return videomamba_debug(**{"num_frames": None, **overrides})
