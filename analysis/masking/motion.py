"""How much moves inside every token of a clip."""

import torch
from torch import Tensor

from analysis.layers.token_grid import TokenGrid


def motion_energy(clip: Tensor, grid: TokenGrid) -> Tensor:
    """Mean squared difference to the frame before inside every token: (t, h*w), 0 or more.

    `clip` is (C, T, H, W), of which the t x h x w tokens are boxes of equal size. The first frame
    takes the difference to the second; a single frame has none and gives zeros. In squared units
    of the clip, so a normalised clip gives normalised pixels squared.

    Raises ValueError when the clip can't be cut into the grid.
    """
    frames, height, width = clip.shape[1:]
    if frames % grid.t or height % grid.h or width % grid.w:
        raise ValueError(
            f"a clip of {frames} frames of {height}x{width} pixels can't be cut into "
            f"{grid.t} x {grid.h} x {grid.w} tokens"
        )
    energy = torch.zeros(frames, height, width, dtype=clip.dtype, device=clip.device)
    if frames > 1:
        energy[1:] = clip.diff(dim=1).square().mean(0)
        energy[0] = energy[1]
    boxes = energy.view(grid.t, frames // grid.t, grid.h, height // grid.h, grid.w, -1)
    return boxes.mean(dim=(1, 3, 5)).flatten(1)
