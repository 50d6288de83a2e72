"""The vision encoder of VideoMamba's video-text model: a student that is also read out.

State-dict names and shapes are those of the published checkpoints.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from analysis.layers.token_grid import TokenGrid
from analysis.layers.visible_tokens import VisibleTokens
from analysis.models.videomamba_student import StudentConfig, VideoMambaStudent

POOLINGS = ("cls+avg", "cls", "avg", "cls_cat_avg")
"""What stands for a video: CLS, the mean over patches, their sum, or both beside each other."""


@dataclass(frozen=True)
class RetrievalVisionConfig(StudentConfig):
    """Everything that shapes a vision encoder: its student and what stands for a video.

    `pooling` is one of `POOLINGS`. With `keep_temporal` the mean is taken frame by frame, so that
    a vector per frame is left; "cls_cat_avg" is then the sum too, as in the published code.
    """

    pooling: str = "cls+avg"
    keep_temporal: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.pooling not in POOLINGS:
            raise ValueError(
                f"unknown pooling {self.pooling!r}; choose one of {', '.join(POOLINGS)}"
            )
        if self.num_frames is None:
            raise ValueError("a video-text model needs num_frames; images are clips of one frame")


@dataclass(frozen=True)
class SeenVideo:
    """What the encoder makes of clips.

    patches: (B, V, D), what a text attends to: final tokens without CLS.
    pooled: (B, P, D), what is compared with a text: one vector, one per frame, or two.
    aligned: (K, B, 1 + V, target_width), what a teacher is expected to say of each visible token,
        CLS first; None without a mask.
    """

    patches: Tensor
    pooled: Tensor
    aligned: Tensor | None


class RetrievalVision(VideoMambaStudent):
    """A student of masked pretraining, its final tokens pooled and normalised."""

    def __init__(self, config: RetrievalVisionConfig):
        super().__init__(config)
        self.pool_norm = nn.LayerNorm(config.width)

    def forward(
        self, clip: Tensor, mask: Tensor | None = None, keep_temporal: bool | None = None
    ) -> SeenVideo:
        """Clips (B, C, T, H, W) to what is compared with texts; images are clips of one frame.

        `mask`, bool (B, 1 + t*h*w), True = hidden, leaves tokens out before the first layer. As
        in the published pretraining, what it leaves is pooled over all frames at once, unless
        `keep_temporal` is True: the mask then has to leave as many tokens of every frame.

        Raises ValueError, one sentence, for clips and masks that do not fit.
        """
        tokens, grid = self.embed(clip), self._grid(clip)
        if keep_temporal is None:
            keep_temporal = self.config.keep_temporal and mask is None
        visible = None
        if mask is not None:
            visible = VisibleTokens(grid, mask)
            tokens = visible.of(tokens)
        between, hidden, residual = self.streams(tokens, visible or grid)
        final, aligned = self.final_tokens(hidden, residual), None
        if visible is not None:
            last = residual if self.config.align_last == "published" else final
            aligned = self.decode(torch.stack([*between, last]), visible)
        frames = self._frames(grid, mask) if keep_temporal else None
        return SeenVideo(final[:, 1:], self.pool(final, frames), aligned)

    def embed(self, clip: Tensor) -> Tensor:
        """Pixels to the tokens (B, L, D) that enter the first block, CLS first.

        A single frame gets no temporal embedding; with a tubelet it stands still for one. Raises
        ValueError when the clip has neither one frame nor the size the model was made for.
        """
        if not self._is_image(clip):
            return super().embed(clip)
        shape = (self.config.in_channels, 1, *self.config.frame_size)
        if tuple(clip.shape[1:]) != shape:
            raise ValueError(
                f"the model takes images of shape (B, {', '.join(map(str, shape))}), got "
                f"{tuple(clip.shape)}"
            )
        still = clip.expand(-1, -1, self.config.tubelet, -1, -1)
        patches = self.patch_embed.proj(still).flatten(2).transpose(1, 2)
        cls = self.cls_token.expand(len(clip), -1, -1)
        return torch.cat([cls, patches], dim=1) + self.pos_embed

    def pool(self, final: Tensor, frames: int | None = None) -> Tensor:
        """Final tokens (B, 1 + V, D), CLS first, to normalised vectors (B, P, D).

        `frames` is the number of frames to keep apart, whose tokens stand one after the other, or
        None to take the mean over all.
        """
        return self.pool_norm(self.gather(final, frames))

    def gather(self, final: Tensor, frames: int | None = None) -> Tensor:
        """As `pool`, before the norm: linear in the tokens."""
        cls, patches, pooling = final[:, :1], final[:, 1:], self.config.pooling
        if pooling == "cls":
            return cls
        means = patches.unflatten(1, (frames or 1, -1)).mean(2)
        if pooling == "avg":
            return means
        if pooling == "cls_cat_avg" and frames is None:
            return torch.cat([cls, means], dim=1)
        return cls + means

    @staticmethod
    def _is_image(clip: Tensor) -> bool:
        return clip.ndim == 5 and clip.shape[2] == 1

    def _grid(self, clip: Tensor) -> TokenGrid:
        grid = self.token_grid
        return TokenGrid(1, grid.h, grid.w) if self._is_image(clip) else grid

    @staticmethod
    def _frames(grid: TokenGrid, mask: Tensor | None) -> int:
        """Frames to keep apart; raises ValueError for a mask that leaves less of some."""
        if mask is not None:
            hidden = mask[:, 1:].unflatten(1, (grid.t, -1)).sum(2)
            if (hidden != hidden[:1, :1]).any():
                raise ValueError(
                    "frames can be kept apart only where a mask leaves as many tokens of each, "
                    "as tubes do"
                )
        return grid.t
