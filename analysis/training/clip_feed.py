"""From rendered pixels to what a model is fed."""

import numpy as np
import torch
from torch import Tensor

from analysis.video.preprocess import IMAGENET_MEAN, IMAGENET_STD


def normalised(pixels: np.ndarray) -> Tensor:
    """Model input, float32 (B, 3, T, H, W), from clips uint8 (B, T, H, W, 3)."""
    clips = torch.from_numpy(pixels).permute(0, 4, 1, 2, 3).float()
    mean = torch.tensor(IMAGENET_MEAN).view(3, 1, 1, 1) * 255.0
    std = torch.tensor(IMAGENET_STD).view(3, 1, 1, 1) * 255.0
    return ((clips - mean) / std).contiguous()


def normalised_pictures(pixels: np.ndarray) -> Tensor:
    """Model input, float32 (B, 3, H, W), from pictures uint8 (B, H, W, 3)."""
    return normalised(pixels[:, None])[:, :, 0]
