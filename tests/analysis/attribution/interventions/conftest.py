"""A small model whose every parameter matters, and clips for it."""

import pytest
import torch

from analysis.models import create_model


@pytest.fixture
def make_model():
    """Debug models in float64 with everything random: two directions that differ, biases, D.

    Their token grid is 3 x 2 x 3.
    """

    def make(**overrides):
        torch.manual_seed(0)
        size = {"num_frames": 3, "image_size": (8, 12), **overrides}
        model = create_model("videomamba_debug", **size).double().eval()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter += 0.2 * torch.randn_like(parameter)
        return model

    return make


@pytest.fixture
def clips():
    """Two clips (3, T, H, W) for the debug model."""
    return torch.randn(2, 3, 3, 8, 12, generator=torch.Generator().manual_seed(1)).double()
