"""Grey photographs, so that the object is the only thing in colour."""

import numpy as np
import pytest
from PIL import Image

from analysis.training.camera.photograph_store import PhotographStore
from analysis.training.camera.photographs import Photograph


def grey_photograph(seed: int) -> Photograph:
    """Blobs of all sizes in mid grey."""
    generator = np.random.default_rng(seed)
    levels = np.full((360, 480), 128.0)
    for cells in (6, 14, 32, 70):
        coarse = Image.fromarray(generator.integers(0, 256, (cells, cells), dtype=np.uint8))
        smooth = coarse.resize((480, 360), Image.Resampling.BICUBIC)
        levels += (np.asarray(smooth, np.float64) - 128.0) * 0.3
    pixels = np.clip(levels, 0, 255).astype(np.uint8)
    return Photograph(f"grey/{seed}.png", np.repeat(pixels[..., None], 3, axis=2))


@pytest.fixture(scope="session")
def photographs() -> tuple[Photograph, ...]:
    return tuple(grey_photograph(seed) for seed in range(8))


@pytest.fixture(scope="session")
def store(photographs) -> PhotographStore:
    return PhotographStore.build(photographs)
