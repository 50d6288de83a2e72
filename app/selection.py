"""What the visitor chose in the sidebar, as one value that every tab receives."""

from dataclasses import dataclass
from pathlib import Path

from analysis.layers.token_grid import TokenGrid
from analysis.ops.scan_order import FIXED_ORDER
from analysis.weights import WeightsCard


@dataclass(frozen=True)
class Selection:
    """One clip read by one set of weights in one setting."""

    clip: str
    """Path of the video file."""
    model: str
    """Name of the weights, such as videomamba_mini.camera."""
    num_frames: int
    image_size: int
    scan_order: str
    """`FIXED_ORDER` for weights that leave none to choose."""

    @property
    def clip_name(self) -> str:
        return Path(self.clip).name

    def tubelet(self, grid: TokenGrid) -> int:
        """Frames that one time step of the model's token grid covers."""
        return max(1, self.num_frames // grid.t)


def trained_order(card: WeightsCard) -> str:
    """The scan order as trained; `FIXED_ORDER` where the model leaves none to choose."""
    return card.scan_order or FIXED_ORDER
