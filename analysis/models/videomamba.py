"""VideoMamba (arXiv 2403.06977): image and video models of every size from one class.

State-dict names and shapes are those of the published checkpoints. The published model is
`scan_order="spatial_first"` with `readout="cls"`; other values are our extensions.
"""

from collections import deque
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor, nn

from analysis.layers.block import RMSNorm, make_norm
from analysis.layers.visible_tokens import VisibleTokens
from analysis.models.initialization import initialize_videomamba
from analysis.models.registry import register_model
from analysis.models.videomamba_trunk import SIZES, TrunkConfig, VideoMambaTrunk
from analysis.ops.drop_path import drop_path
from analysis.ops.norm import add_residual
from analysis.ops.region import region


@dataclass(frozen=True)
class VideoMambaConfig(TrunkConfig):
    """Everything that shapes a VideoMamba: its trunk and what it answers.

    `distill_width` adds the published self-distillation head towards a teacher of that width.
    """

    num_classes: int = 1000
    readout: str = "cls"
    distill_width: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.readout not in ("cls", "mean"):
            raise ValueError(f"unknown readout {self.readout!r}; choose cls or mean")


class VideoMamba(VideoMambaTrunk):
    """A trunk with a final norm and a classifier."""

    def __init__(self, config: VideoMambaConfig):
        super().__init__(config)
        width = config.width
        self.norm_f = make_norm(config.norm, width)
        self.head = nn.Linear(width, config.num_classes) if config.num_classes else nn.Identity()
        if config.distill_width is not None:
            self.distill_head = nn.Sequential(
                RMSNorm(width), nn.Linear(width, config.distill_width)
            )
        initialize_videomamba(self)

    def forward_features(self, clip: Tensor, mask: Tensor | None = None) -> Tensor:
        """Tokens (B, L, D) after the last block and the final norm, CLS at index 0.

        With a `mask`, bool (B, L), True = hidden, they are the visible ones (B, V, D) alone: the
        others are dropped before the first block, as the student of masked pretraining does. One
        clip may come with several masks. Raises ValueError for a mask that does not fit.
        """
        tokens, visible = self.embed(clip), None
        if mask is not None:
            visible = VisibleTokens(self.token_grid, mask)
            tokens = visible.of(tokens)
        hidden, residual = deque(self.run_layers(tokens, visible), maxlen=1).pop()
        with region("norm"):
            hidden = drop_path(hidden, self.last_drop_rate, self.training)
            return self.norm_f(add_residual(hidden, residual))

    def readout(self, features: Tensor) -> Tensor:
        """One vector (B, D) from final tokens: CLS, or the mean over patch tokens."""
        return features[:, 0] if self.config.readout == "cls" else features[:, 1:].mean(1)

    def forward(self, clip: Tensor, mask: Tensor | None = None) -> Tensor:
        """Logits (B, num_classes) of images (B, C, H, W) or clips (B, C, T, H, W).

        `mask`, bool (B, L), True = hidden, leaves tokens out: see `forward_features`. The mean
        read-out is then the mean over visible patches.
        """
        features = self.forward_features(clip, mask)
        with region("head"):
            return self.head(self.readout(features))

    def distill_features(self, features: Tensor) -> Tensor:
        """Unit-length tokens in the teacher's width, for self-distillation.

        `features` are this model's final tokens (B, L, D). The head normalises them once more, as
        published. A model without the head returns its own tokens at unit length (the teacher).
        """
        if self.config.distill_width is not None:
            features = self.distill_head(features)
        return nn.functional.normalize(features, dim=-1)


_PUBLISHED_SIZES = ("tiny", "small", "middle", "base")

_variant = register_model("videomamba", VideoMamba)


def _config(**fields: Any) -> VideoMambaConfig:
    return replace(VideoMambaConfig(), **fields)


def _register_size(size: str, name: str, **fields: Any) -> None:
    def configure(**overrides: Any) -> VideoMambaConfig:
        return _config(**{**SIZES[size], **fields, **overrides})

    configure.__name__ = name
    _variant(configure)


for _size in _PUBLISHED_SIZES:
    _register_size(_size, f"videomamba_{_size}", num_frames=8, num_classes=400)
for _size in _PUBLISHED_SIZES:
    _register_size(_size, f"videomamba_image_{_size}", num_frames=None)
for _size in ("middle", "base"):
    _register_size(_size, f"videomamba_image_{_size}_distill", num_frames=None, distill_width=384)


@_variant
def videomamba_mini(**overrides: Any) -> VideoMambaConfig:
    """A size that trains on two cores: 8 frames of 64 x 64, 257 tokens, mean readout. Ours."""
    return _config(**{**SIZES["mini"], "num_classes": 9, "readout": "mean", **overrides})


@_variant
def videomamba_mini_wide(**overrides: Any) -> VideoMambaConfig:
    """Half as wide again as `videomamba_mini`: a student that its teacher is smaller than. Ours."""
    return videomamba_mini(**{"width": 96, **overrides})


@_variant
def videomamba_mini_wide_distill(**overrides: Any) -> VideoMambaConfig:
    """`videomamba_mini_wide` with the self-distillation head for a mini teacher. Ours."""
    return videomamba_mini_wide(**{"distill_width": 64, **overrides})


@_variant
def videomamba_debug(**overrides: Any) -> VideoMambaConfig:
    """A video model small enough for float64 and finite differences. Ours."""
    return _config(**{**SIZES["debug"], "num_classes": 5, **overrides})


@_variant
def videomamba_image_debug(**overrides: Any) -> VideoMambaConfig:
    """The image sibling of `videomamba_debug`. Ours."""
    return videomamba_debug(**{"num_frames": None, **overrides})


@_variant
def videomamba_image_debug_distill(**overrides: Any) -> VideoMambaConfig:
    """A self-distillation student for `videomamba_image_debug` as its teacher. Ours."""
    return videomamba_image_debug(**{"distill_width": 24, **overrides})
