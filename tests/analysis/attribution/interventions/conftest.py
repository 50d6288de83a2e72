"""Clips for `make_model`."""

import pytest
import torch


@pytest.fixture
def clips():
    """Two clips (3, T, H, W) for the debug model."""
    return torch.randn(2, 3, 3, 8, 12, generator=torch.Generator().manual_seed(1)).double()
