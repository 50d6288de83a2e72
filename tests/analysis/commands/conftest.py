"""What several commands are tested on."""

import numpy as np
import pytest
import torch
from PIL import Image

from analysis.models import create_model
from analysis.weights.shipped import ship_checkpoint

PIECES = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "man", "walk", "kick", "##s", "cup")


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


@pytest.fixture(scope="module")
def video_text_folder(tmp_path_factory):
    """Weights of a small video-text model, and its vocabulary."""
    folder = tmp_path_factory.mktemp("retrieval")
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = create_model("videomamba_retrieval_debug")
    entry = {
        "architecture": "videomamba_retrieval_debug",
        "family": "videomamba_retrieval",
        "tag": "trial",
        "training": "toy",
        "data": "nothing",
        "labels": None,
        "num_frames": 4,
        "image_size": 16,
        "scan_order": "spatial_first",
        "readout": None,
        "licence": "MIT",
        "reported_accuracy": None,
        "accuracy_note": "",
        "run": {"command": "none", "seed": 3},
    }
    ship_checkpoint(model.state_dict(), entry, folder)
    words = [*PIECES, *(f"word{number}" for number in range(40 - len(PIECES)))]
    (folder / "vocab.txt").write_text("\n".join(words))
    return folder
