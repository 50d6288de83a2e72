"""The visual tower of CLIP (arXiv 2103.00020), frame by frame, as teacher of masked pretraining.

State-dict names are those of the published weights; the stem has a time axis, as in the code of
VideoMamba's masked pretraining.
"""

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from analysis.layers.token_grid import TokenGrid
from analysis.models.aligned_layers import aligned_layers
from analysis.models.registry import register_model
from analysis.ops.attention import check_heads


@dataclass(frozen=True)
class ClipTowerConfig:
    """Everything that shapes a tower.

    `image_size` is one side or (height, width) in pixels, `tubelet` the number of frames in a
    token (1: every frame is looked at by itself), `output_dim` the width of the space that images
    and texts share, `activation` that of the perceptrons, "quick_gelu" or "gelu".
    """

    image_size: int | tuple[int, int] = 224
    patch_size: int = 16
    tubelet: int = 1
    in_channels: int = 3
    width: int = 768
    layers: int = 12
    heads: int = 12
    output_dim: int = 512
    activation: str = "quick_gelu"

    def __post_init__(self) -> None:
        if any(side % self.patch_size for side in self.frame_size):
            raise ValueError(
                f"an image of {self.frame_size[0]}x{self.frame_size[1]} pixels can't be cut into "
                f"patches of {self.patch_size}; choose a multiple of {self.patch_size}"
            )
        check_heads(self.width, self.heads)
        if self.activation not in ACTIVATIONS:
            raise ValueError(
                f"unknown activation {self.activation!r}; choose {' or '.join(ACTIVATIONS)}"
            )

    @property
    def frame_size(self) -> tuple[int, int]:
        """Height and width of a frame in pixels."""
        size = self.image_size
        return (size, size) if isinstance(size, int) else tuple(size)

    def token_grid(self, frames: int) -> TokenGrid:
        """The grid of patch tokens of a clip of so many frames."""
        height, width = (side // self.patch_size for side in self.frame_size)
        return TokenGrid(frames // self.tubelet, height, width)

    def sizes_for(self, grid: TokenGrid, frames: int) -> dict[str, Any]:
        """The fields with which a tower of these patches cuts so many frames into a grid.

        Raises ValueError when the frames cannot be shared among the grid's.
        """
        if frames % grid.t:
            raise ValueError(f"{frames} frames can't be cut into {grid.t} tokens of equal length")
        sides = (grid.h * self.patch_size, grid.w * self.patch_size)
        return {"image_size": sides, "tubelet": frames // grid.t}


@dataclass(frozen=True)
class ClipTargets:
    """What a student is aligned with.

    targets: (K, B, 1 + t*h*w, output_dim) of unit length, layers in ascending order, CLS first.
    attention: (B, t, h*w), from CLS to patches in the last layer, mean over heads; None where it
        was not asked for.
    """

    targets: Tensor
    attention: Tensor | None


class QuickGELU(nn.Module):
    """x * sigmoid(1.702 x), the approximation of GELU that CLIP was trained with."""

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(1.702 * x)


ACTIVATIONS: dict[str, type[nn.Module]] = {"quick_gelu": QuickGELU, "gelu": nn.GELU}
"""Of the perceptrons: OpenAI's towers have the first, most that others trained the second."""


class ResidualAttentionBlock(nn.Module):
    """Self-attention and a perceptron of four times the width, each normalised before."""

    def __init__(self, width: int, heads: int, activation: str = "quick_gelu"):
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn = nn.MultiheadAttention(width, heads, batch_first=True)
        self.mlp = nn.Sequential()
        self.mlp.add_module("c_fc", nn.Linear(width, 4 * width))
        self.mlp.add_module("gelu", ACTIVATIONS[activation]())
        self.mlp.add_module("c_proj", nn.Linear(4 * width, width))

    def forward(
        self, x: Tensor, attention: bool = False, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """Tokens (N, L, W) to tokens, and attention (N, L, L), mean over heads, if asked for.

        Without it the product of weights and values is computed at once and never stored. `mask`
        (L, L) is added to the scores.
        """
        normed = self.ln_1(x)
        mixed, weights = self.attn(normed, normed, normed, need_weights=attention, attn_mask=mask)
        return self.think(x + mixed), weights

    def think(self, x: Tensor) -> Tensor:
        """The second half of the block, token by token."""
        return x + self.mlp(self.ln_2(x))


class Transformer(nn.Module):
    """A stack of such blocks, by its published name."""

    def __init__(self, width: int, layers: int, heads: int, activation: str = "quick_gelu"):
        super().__init__()
        self.resblocks = nn.ModuleList(
            ResidualAttentionBlock(width, heads, activation) for _ in range(layers)
        )


class ClipTower(nn.Module):
    """A vision transformer over [CLS, patches] of each frame of a clip by itself."""

    def __init__(self, config: ClipTowerConfig):
        super().__init__()
        self.config = config
        width, grid = config.width, config.token_grid(config.tubelet)
        kernel = (config.tubelet, config.patch_size, config.patch_size)
        self.conv1 = nn.Conv3d(config.in_channels, width, kernel, stride=kernel, bias=False)
        scale = width**-0.5
        self.class_embedding = nn.Parameter(scale * torch.randn(width))
        self.positional_embedding = nn.Parameter(scale * torch.randn(1 + grid.h * grid.w, width))
        self.ln_pre = nn.LayerNorm(width)
        self.transformer = Transformer(width, config.layers, config.heads, config.activation)
        self.ln_post = nn.LayerNorm(width)
        self.proj = nn.Parameter(scale * torch.randn(width, config.output_dim))

    def embed(self, clip: Tensor) -> Tensor:
        """Clips (B, C, T, H, W) to the tokens (B*t, 1 + h*w, W) that enter the first block.

        Raises ValueError when frames do not have the size the tower was made for.
        """
        self._check_clip(clip)
        patches = self.conv1(clip).flatten(3).permute(0, 2, 3, 1).flatten(0, 1)
        cls = self.class_embedding.to(patches.dtype).expand(len(patches), 1, -1)
        return self.ln_pre(torch.cat([cls, patches], dim=1) + self.positional_embedding)

    def forward(self, clip: Tensor) -> Tensor:
        """The embedding (B, t, output_dim) of every frame, comparable with CLIP's of texts.

        Not of unit length. This is CLIP's own use of the tower, with its last norm.
        """
        tokens = self.embed(clip)
        for block in self.transformer.resblocks:
            tokens, _ = block(tokens)
        return self.project(tokens[:, 0]).unflatten(0, (len(clip), -1))

    def project(self, features: Tensor) -> Tensor:
        """Features (..., W) after the last block to the space shared with texts, last norm first.

        Not of unit length.
        """
        return self.ln_post(features) @ self.proj

    def resized(self, clip: Tensor) -> Tensor:
        """Clips (B, C, T, H, W) with frames of the tower's size, bicubic where they have another.

        As the published pretraining feeds it: in the student's normalisation, not CLIP's own.
        """
        size = self.config.frame_size
        if tuple(clip.shape[3:]) == size:
            return clip
        frames = nn.functional.interpolate(
            clip.flatten(1, 2), size, mode="bicubic", align_corners=False
        )
        return frames.unflatten(1, clip.shape[1:3])

    def targets(
        self, clip: Tensor, layers: int = 1, interval: int = 1, attention: bool = False
    ) -> ClipTargets:
        """Aims for a student, from the last `layers` blocks, every `interval`-th counted from last.

        Each is projected and scaled to unit length without the tower's last norm, as in the
        published pretraining; CLS is the mean over frames. Raises ValueError for layers that the
        tower does not have.
        """
        read = aligned_layers(len(self.transformer.resblocks), layers, interval)
        tokens, features, weights = self.embed(clip), [], None
        for number, block in enumerate(self.transformer.resblocks):
            last = number == len(self.transformer.resblocks) - 1
            tokens, weights = block(tokens, attention and last)
            if number in read:
                features.append(self._clip_tokens(tokens, len(clip)))
        targets = nn.functional.normalize(torch.stack(features) @ self.proj, dim=-1)
        if weights is not None:
            weights = weights[:, 0, 1:].unflatten(0, (len(clip), -1))
        return ClipTargets(targets, weights)

    @staticmethod
    def _clip_tokens(tokens: Tensor, batch: int) -> Tensor:
        """Tokens of frames (B*t, 1 + h*w, W) to tokens of clips (B, 1 + t*h*w, W)."""
        frames = tokens.unflatten(0, (batch, -1))
        return torch.cat([frames[:, :, 0].mean(1, keepdim=True), frames[:, :, 1:].flatten(1, 2)], 1)

    def _check_clip(self, clip: Tensor) -> None:
        config = self.config
        if (
            clip.ndim != 5
            or clip.shape[1] != config.in_channels
            or clip.shape[2] % config.tubelet
            or tuple(clip.shape[3:]) != config.frame_size
        ):
            height, width = config.frame_size
            frames = "T" if config.tubelet == 1 else f"multiple of {config.tubelet}"
            raise ValueError(
                f"the tower takes clips of shape (B, {config.in_channels}, {frames}, {height}, "
                f"{width}), got {tuple(clip.shape)}"
            )


_register = register_model("clip_tower", ClipTower)


@_register
def clip_tower_b16(**overrides: Any) -> ClipTowerConfig:
    """ViT-B/16 of the published CLIP, the teacher of VideoMamba."""
    return replace(ClipTowerConfig(), **overrides)


@_register
def clip_tower_l14(**overrides: Any) -> ClipTowerConfig:
    """ViT-L/14 of the published CLIP."""
    fields = {"patch_size": 14, "width": 1024, "layers": 24, "heads": 16, "output_dim": 768}
    return replace(ClipTowerConfig(), **{**fields, **overrides})


@_register
def clip_tower_mini(**overrides: Any) -> ClipTowerConfig:
    """The picture tower of `clip_mini`, with the patches of `videomamba_mini`. Ours."""
    fields = {
        "image_size": 64,
        "patch_size": 8,
        "width": 128,
        "layers": 4,
        "heads": 4,
        "output_dim": 64,
    }
    return replace(ClipTowerConfig(), **{**fields, **overrides})


@_register
def clip_tower_debug(**overrides: Any) -> ClipTowerConfig:
    """A tower small enough for tests, with the token grid of `videomamba_debug`. Ours."""
    fields = {
        "image_size": 16,
        "patch_size": 4,
        "width": 24,
        "layers": 3,
        "heads": 3,
        "output_dim": 16,
    }
    return replace(ClipTowerConfig(), **{**fields, **overrides})
