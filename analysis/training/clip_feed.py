"""From rendered pixels to what a model is fed."""

import numpy as np
import torch
from torch import Tensor

from analysis.video.preprocess import COLOURS


def normalised(pixels: np.ndarray, colours: str = "imagenet") -> Tensor:
    """Model input, float32 (B, 3, T, H, W), from clips uint8 (B, T, H, W, 3).

    colours: of COLOURS.
    """
    clips = torch.from_numpy(pixels).permute(0, 4, 1, 2, 3).float()
    mean, std = (torch.tensor(part).view(3, 1, 1, 1) * 255.0 for part in COLOURS[colours])
    return ((clips - mean) / std).contiguous()


def normalised_pictures(pixels: np.ndarray) -> Tensor:
    """Model input, float32 (B, 3, H, W), from pictures uint8 (B, H, W, 3)."""
    return normalised(pixels[:, None])[:, :, 0]
