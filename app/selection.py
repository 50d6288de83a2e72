"""What the visitor chose in the sidebar, as one value that every tab receives."""

from dataclasses import dataclass
from pathlib import Path


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

    @property
    def clip_name(self) -> str:
        return Path(self.clip).name
