"""Small made-up photographs, so that no test needs a network or a package of pictures."""

import numpy as np
import pytest
from PIL import Image

from analysis.training.camera.photograph_store import PhotographStore
from analysis.training.camera.photographs import Photograph


def textured_photograph(seed: int, width: int = 480, height: int = 360) -> Photograph:
    """Blobs of all sizes in colour: something to see wherever the camera looks."""
    generator = np.random.default_rng(seed)
    pixels = np.full((height, width, 3), 128.0)
    for cells in (6, 14, 32, 70):
        coarse = generator.integers(0, 256, (cells, cells, 3), dtype=np.uint8)
        smooth = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
        pixels += (np.asarray(smooth, np.float64) - 128.0) * 0.45
    return Photograph(f"made/{seed}.png", np.clip(pixels, 0, 255).astype(np.uint8))


@pytest.fixture(scope="session")
def photographs() -> tuple[Photograph, ...]:
    return tuple(textured_photograph(seed) for seed in range(4))


@pytest.fixture(scope="session")
def store(photographs) -> PhotographStore:
    return PhotographStore.build(photographs)
