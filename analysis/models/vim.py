"""Vim (arXiv 2401.09417): images as one sequence with CLS in its middle, read both ways.

State-dict names and shapes are those of the published checkpoints: the blocks are VideoMamba's,
which took them from here. Two things differ in the published models: CLS is read between the first
and the second half of the patches, and the two directions are averaged, not summed.
"""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

from torch import Tensor

from analysis.layers.mixer import SPATIAL_FIRST, BidirectionalMixer
from analysis.layers.token_grid import MiddleClassGrid, TokenGrid
from analysis.layers.visible_tokens import VisibleTokens
from analysis.models.initialization import initialize_vim
from analysis.models.registry import register_model
from analysis.models.videomamba import VideoMamba, VideoMambaConfig
from analysis.ops.scan_order import LayerScan


@dataclass(frozen=True)
class VimConfig(VideoMambaConfig):
    """Everything that shapes a Vim; it takes images alone."""

    num_frames: None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.num_frames is not None:
            raise ValueError("Vim takes single images; leave num_frames out")

    @property
    def token_grid(self) -> MiddleClassGrid:
        """The grid of patch tokens."""
        grid = super().token_grid
        return MiddleClassGrid(grid.t, grid.h, grid.w)


class AveragingMixer(BidirectionalMixer):
    """The mixer whose directions are averaged (`if_divide_out` of the published code)."""

    directions_share: ClassVar[float] = 0.5

    def forward(
        self, x: Tensor, grid: TokenGrid | VisibleTokens, scan: LayerScan = SPATIAL_FIRST
    ) -> Tensor:
        """As of any mixer. The output projection has no bias, so half of it is the mean's."""
        return super().forward(x, grid, scan) * self.directions_share


class Vim(VideoMamba):
    """A trunk over [first patches, CLS, last patches]; between the layers CLS is token 0."""

    mixer_class = AveragingMixer

    def __init__(self, config: VimConfig):
        super().__init__(config)
        initialize_vim(self)

    def position_table(self) -> Tensor:
        """The published table is in the order of reading."""
        _, back = self.token_grid.sequence("spatial_first", self.pos_embed.device)
        return self.pos_embed[:, back]


SIZES: dict[str, dict[str, Any]] = {
    "tiny": {"width": 192, "depth": 24},
    "small": {"width": 384, "depth": 24},
    "base": {"width": 768, "depth": 24},
    "debug": {
        "width": 16,
        "depth": 2,
        "state_size": 4,
        "image_size": 16,
        "patch_size": 4,
        "num_classes": 10,
    },
}
"""Fields of `VimConfig` by size: the three published ones, and a small one of ours for tests."""

_variant = register_model("vim", Vim)


def _register_size(size: str) -> None:
    def configure(**overrides: Any) -> VimConfig:
        return replace(VimConfig(**SIZES[size]), **overrides)

    configure.__name__ = f"vim_{size}"
    _variant(configure)


for _size in SIZES:
    _register_size(_size)
