"""Small adapted models in double precision, a clip for each, and what a pass records."""

import pytest
import torch

from analysis.adaptation.recorded_pass import record_adapted
from analysis.models import create_model


def random_clip(frames: int, side: int) -> torch.Tensor:
    """(C, T, H, W) random numbers."""
    generator = torch.Generator().manual_seed(2)
    return torch.randn(3, frames, side, side, generator=generator, dtype=torch.float64)


@pytest.fixture
def small_clip():
    """For `speaking` models."""
    return random_clip(4, 32)


@pytest.fixture
def speaking():
    """Builds a MoMa of 4 x 4 x 4 patches whose scans say something."""

    def made(**fields):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            model = create_model("moma_debug", zero_init=False, **fields)
        return model.double().eval()

    return made


@pytest.fixture
def adapted_clip():
    """For `adapted` models."""
    return random_clip(4, 8)


@pytest.fixture
def adapted():
    """Builds a VideoMamba of 17 tokens whose adaptors are moved from their start."""

    def made(**fields):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            fields = {"depth": 2, "image_size": 8, "usage": "backbone", **fields}
            model = create_model("videomamba_adaptor_debug", **fields).double().eval()
        generator = torch.Generator().manual_seed(1)
        for parameter in model.parameters():
            moved = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            parameter.data += 0.3 * moved
        return model

    return made


@pytest.fixture
def recorded(adapted_clip):
    """Traces an `adapted` model on its clip."""
    return lambda model: record_adapted(model, adapted_clip)
