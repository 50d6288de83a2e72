"""A frozen CLIP for video by the methods that MoMa is measured against.

"none" leaves the tower as it is and looks at the mean over frames: a linear probe. "st_adapter" and
"aim" are after ST-Adapter (arXiv 2206.13559) and AIM (arXiv 2302.03024), see
`analysis.layers.clip_adapters`. All read out CLIP's own embeddings of the frames, so that what they
say can still be compared with texts; the papers put their heads before CLIP's last projection.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from analysis.layers.clip_adapters import LAYERS
from analysis.models.clip_tower import ClipTower, ClipTowerConfig, clip_tower_mini
from analysis.models.embedding_head import make_head
from analysis.models.frozen_clip_config import FrozenClipConfig
from analysis.models.registry import register_model
from analysis.ops.region import region

FAMILY = "clip_adapters"


@dataclass(frozen=True, kw_only=True)
class ClipAdaptersConfig(FrozenClipConfig):
    """The frozen tower and the method.

    adapters: one of `analysis.layers.clip_adapters.LAYERS`. "aim" adds a table of moments, so that
        clips have `num_frames` frames; others take any number.
    """

    adapters: str = "none"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.adapters not in LAYERS:
            raise ValueError(f"unknown adapters {self.adapters!r}; choose {' or '.join(LAYERS)}")


class ClipAdapters(nn.Module):
    """A frozen tower, adapters and a head. Of the tower, AIM trains the last norm."""

    def __init__(self, config: ClipAdaptersConfig):
        super().__init__()
        self.config, self.token_grid = config, config.token_grid
        self.tower = ClipTower(config.tower).requires_grad_(False)
        layer = partial(LAYERS[config.adapters], config.width, config.num_frames)
        self.adapters = nn.ModuleList(layer(config.attention_kernel) for _ in range(config.layers))
        if config.adapters == "aim":
            moments = torch.zeros(1, config.num_frames, 1, 1, config.width)
            self.temporal_embedding = nn.Parameter(moments)
            self.tower.ln_post.requires_grad_(True)
        self.head = make_head(config.head, config.tower.output_dim, config.num_classes)
        # Recompute layers in the backward pass instead of keeping their inside; set by training.
        self.checkpoint_layers = False

    def forward(self, clip: Tensor) -> Tensor:
        """Logits (B, num_classes) of clips (B, C, T, H, W)."""
        embeddings = self.encode_clips(clip)
        with region("head"):
            return self.head(embeddings)

    def encode_clips(self, clip: Tensor) -> Tensor:
        """Clips (B, C, T, H, W) to directions (B, output_dim) of unit length, as texts have.

        The mean over frames of what CLIP says of their class tokens. Raises ValueError for clips of
        another size, and for another number of frames where there is a table of moments.
        """
        with region("embed"):
            x = self._embed(clip)
        for block, layer in zip(self.tower.transformer.resblocks, self.adapters, strict=True):
            x = self._run(layer, block, x)
        return F.normalize(self.tower.project(x[:, :, 0, 0]).mean(1), dim=-1)

    def _embed(self, clip: Tensor) -> Tensor:
        """The tokens (B, t, 1 + h*w, 1, D) that enter the first layer."""
        x = self.tower.embed(clip).unflatten(0, (len(clip), -1))[:, :, :, None]
        if self.config.adapters != "aim":
            return x
        if x.shape[1] != self.config.num_frames:
            raise ValueError(
                f"the table of moments has {self.config.num_frames} frames, got a clip of "
                f"{x.shape[1]}"
            )
        return x + self.temporal_embedding

    def _run(self, layer: Callable, block: nn.Module, x: Tensor) -> Tensor:
        if self.checkpoint_layers and torch.is_grad_enabled():
            return checkpoint(layer, block, x, use_reentrant=False)
        return layer(block, x)


def _register(name: str, tower: ClipTowerConfig, **fields: Any) -> None:
    base = ClipAdaptersConfig(tower=tower, head="linear", **fields)

    def configure(image_size: Any = None, **overrides: Any) -> ClipAdaptersConfig:
        sized = {} if image_size is None else {"tower": replace(tower, image_size=image_size)}
        return replace(base, **{**sized, **overrides})

    configure.__name__ = name
    register_model(FAMILY, ClipAdapters)(configure)


_DEBUG = ClipTowerConfig(32, 8, width=32, layers=2, heads=4, output_dim=16)

for _name, _adapters in (("clip_probe", "none"), ("st_adapter", "st_adapter"), ("aim", "aim")):
    _register(f"{_name}_mini", clip_tower_mini(), num_classes=9, adapters=_adapters)
    _register(f"{_name}_debug", _DEBUG, num_classes=5, num_frames=4, adapters=_adapters)
