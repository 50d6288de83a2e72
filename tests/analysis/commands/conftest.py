"""What several commands are tested on."""

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    """A folder of made-up photographs with something to see everywhere."""
    folder = tmp_path_factory.mktemp("photographs")
    for seed in range(4):
        generator = np.random.default_rng(seed)
        pixels = np.full((240, 320, 3), 128.0)
        for cells in (6, 14, 32, 70):
            coarse = generator.integers(0, 256, (cells, cells, 3), dtype=np.uint8)
            smooth = Image.fromarray(coarse).resize((320, 240), Image.Resampling.BICUBIC)
            pixels += (np.asarray(smooth, np.float64) - 128.0) * 0.45
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / f"{seed}.png")
    return folder
