"""What models over a frozen CLIP have in common: the tower, the frames, the head."""

from dataclasses import dataclass, field

from analysis.layers.token_grid import TokenGrid
from analysis.models.clip_tower import ClipTowerConfig
from analysis.models.embedding_head import HEADS
from analysis.ops.attention import check_attention_kernel


@dataclass(frozen=True, kw_only=True)
class FrozenClipConfig:
    """The frozen image tower, and what is asked of it.

    tower: one frame a token (tubelet 1).
    num_frames: of a clip as trained.
    head: one of `analysis.models.embedding_head.HEADS`.
    attention_kernel: one of `analysis.ops.attention.ATTENTION_KERNELS`.
    """

    tower: ClipTowerConfig = field(default_factory=ClipTowerConfig)
    num_frames: int = 8
    num_classes: int = 400
    head: str = "text"
    attention_kernel: str = "sdpa"

    def __post_init__(self) -> None:
        check_attention_kernel(self.attention_kernel)
        if self.head not in HEADS:
            raise ValueError(f"unknown head {self.head!r}; choose {' or '.join(HEADS)}")
        if self.tower.tubelet != 1:
            raise ValueError(f"every frame is a token by itself; got tubelets of {self.tubelet}")

    @property
    def layers(self) -> int:
        """Of the frozen tower."""
        return self.tower.layers

    @property
    def width(self) -> int:
        """D of the tokens."""
        return self.tower.width

    @property
    def tubelet(self) -> int:
        """Frames in a token."""
        return self.tower.tubelet

    @property
    def patch_size(self) -> int:
        """Side of a patch in pixels."""
        return self.tower.patch_size

    @property
    def in_channels(self) -> int:
        """Of the frames."""
        return self.tower.in_channels

    @property
    def image_size(self) -> int | tuple[int, int]:
        """Of the frames, in pixels."""
        return self.tower.image_size

    @property
    def frame_size(self) -> tuple[int, int]:
        """Height and width of a frame in pixels."""
        return self.tower.frame_size

    @property
    def token_grid(self) -> TokenGrid:
        """The grid of patch tokens."""
        return self.tower.token_grid(self.num_frames)

    @property
    def tokens(self) -> int:
        """L: patches of one clip and a class token a frame."""
        return self.token_grid.patches + self.num_frames
