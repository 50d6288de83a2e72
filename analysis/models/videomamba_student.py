"""The student of VideoMamba's masked pretraining (paper, section 3.4).

It sees the tokens a mask leaves and learns to say what a teacher saw there. State-dict names and
shapes are those of the published checkpoints.
"""

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from analysis.layers.block import make_norm
from analysis.layers.token_grid import TokenGrid
from analysis.layers.visible_tokens import VisibleTokens
from analysis.models.aligned_layers import aligned_layers
from analysis.models.initialization import initialize_videomamba
from analysis.models.registry import register_model
from analysis.models.videomamba_trunk import SIZES, TrunkConfig, VideoMambaTrunk
from analysis.ops.drop_path import drop_path
from analysis.ops.norm import add_residual


@dataclass(frozen=True)
class StudentConfig(TrunkConfig):
    """Everything that shapes a student: its trunk and what is aligned.

    `target_width` is the width of the teacher's targets. `align_layers` layers are aligned, every
    `align_interval`-th counted from the last (1 layer in the published recipe).

    `align_last` says what stands for the last layer. "published": the residual stream that enters
    it, not normalised, so that neither its parameters nor, with one aligned layer, the final norm
    are ever trained. "normed": the stream with the last layer's output, through the final norm.
    """

    target_width: int = 512
    align_layers: int = 1
    align_interval: int = 1
    align_last: str = "published"

    def __post_init__(self) -> None:
        super().__post_init__()
        aligned_layers(self.depth, self.align_layers, self.align_interval)
        if self.align_last not in ("published", "normed"):
            raise ValueError(f"unknown align_last {self.align_last!r}; choose published or normed")


class LinearDecoder(nn.Module):
    """Tokens to the teacher's width, at unit length."""

    def __init__(self, width: int, target_width: int):
        super().__init__()
        self.head = nn.Linear(width, target_width)
        self.norm = nn.LayerNorm(target_width)

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.normalize(self.norm(self.head(x)), dim=-1)


class VideoMambaStudent(VideoMambaTrunk):
    """A trunk over visible tokens, with a linear decoder per aligned layer."""

    def __init__(self, config: StudentConfig):
        super().__init__(config)
        self.norm = make_norm(config.norm, config.width)
        self.clip_decoder = nn.ModuleList(
            LinearDecoder(config.width, config.target_width) for _ in range(config.align_layers)
        )
        table = sinusoid_table(self.token_grid.length, config.width)
        self.register_buffer("clip_pos_embed", table, persistent=False)
        initialize_videomamba(self)

    def forward(self, clip: Tensor, mask: Tensor) -> Tensor:
        """What the teacher is expected to say: (K, B, V, target_width), of unit length.

        `mask` is bool (B, 1 + t*h*w), True = hidden, and hides as many tokens of each of the B
        clips; V are left, CLS first. K layers in ascending order. Raises ValueError, one sentence,
        for clips and masks that do not fit.
        """
        visible = VisibleTokens(self.token_grid, mask)
        return self.decode(self.aligned_features(clip, mask), visible)

    def aligned_features(self, clip: Tensor, mask: Tensor) -> Tensor:
        """Visible tokens (K, B, V, D) of the aligned layers, before the decoders."""
        visible = VisibleTokens(self.token_grid, mask)
        between, hidden, residual = self.streams(visible.of(self.embed(clip)), visible)
        published = self.config.align_last == "published"
        last = residual if published else self.final_tokens(hidden, residual)
        return torch.stack([*between, last])

    def streams(
        self, tokens: Tensor, grid: TokenGrid | VisibleTokens
    ) -> tuple[list[Tensor], Tensor, Tensor]:
        """Aligned layers but the last, each (B, V, D), and what the last block returns."""
        config, aligned = self.config, []
        *between, _ = aligned_layers(config.depth, config.align_layers, config.align_interval)
        for number, stream in enumerate(self.run_layers(tokens, grid)):
            # A block's output reaches the residual stream in the next block.
            if number - 1 in between:
                aligned.append(self.norm(stream[1]))
        return aligned, *stream

    def final_tokens(self, hidden: Tensor, residual: Tensor) -> Tensor:
        """The residual stream with the last block's output, through the final norm."""
        hidden = drop_path(hidden, self.last_drop_rate, self.training)
        return self.norm(add_residual(hidden, residual))

    def decode(self, features: Tensor, visible: VisibleTokens) -> Tensor:
        """Aligned features (K, B, V, D) to expected targets, told where they stand by a table."""
        table = self.clip_pos_embed[:, : visible.grid.length]
        features = features + visible.of(table)
        return torch.stack(
            [decoder(tokens) for decoder, tokens in zip(self.clip_decoder, features, strict=True)]
        )


def sinusoid_table(length: int, width: int) -> Tensor:
    """Fixed positions (1, length, width): sine and cosine interleaved, base 10000.

    As in "Attention is all you need", arXiv 1706.03762, section 3.5.
    """
    channel = torch.arange(width)
    rate = 10000.0 ** (-2.0 * (channel // 2).double() / width)
    angle = torch.arange(length).double()[:, None] * rate
    return torch.where(channel % 2 == 0, angle.sin(), angle.cos()).float()[None]


_variant = register_model("videomamba_student", VideoMambaStudent)


def _config(**fields: Any) -> StudentConfig:
    return replace(StudentConfig(), **fields)


@_variant
def videomamba_student_middle(**overrides: Any) -> StudentConfig:
    """The published student, 8 frames of 224 x 224; its teacher is `clip_tower_b16`."""
    return _config(**{**SIZES["middle"], **overrides})


@_variant
def videomamba_student_mini(**overrides: Any) -> StudentConfig:
    """The trunk of `videomamba_mini`; its teacher is `clip_tower_mini`. Ours."""
    return _config(**{**SIZES["mini"], "target_width": 64, **overrides})


@_variant
def videomamba_student_debug(**overrides: Any) -> StudentConfig:
    """The trunk of `videomamba_debug`; its teacher is `clip_tower_debug`. Ours."""
    return _config(**{**SIZES["debug"], "target_width": 16, **overrides})
