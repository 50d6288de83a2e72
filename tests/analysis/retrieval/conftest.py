"""A vocabulary of a few words, and a small model that reads it."""

import pytest
import torch

from analysis.models import create_model
from analysis.weights.hub import FOLDER_VARIABLE
from analysis.weights.retrieval import load_retrieval_model
from analysis.weights.shipped import ship_checkpoint

# As many as the debug model knows.
WORDS = (
    *("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"),
    *("a", "the", "man", "dog", "walk", "kick", "crawl", "get", "up", "cart", "hand", "tilt"),
    *("##s", "##ing", "##wheel", "##ed", "red", "rabbit", "cup", "is", "and", "person", "then"),
    *("in", "of", "park", "cafe", "to", "slowly", "fast", "floor", "cartoon", "some", "one"),
    *("stand",),
)
NAME = "videomamba_retrieval_debug.test"
ENTRY = {
    "architecture": "videomamba_retrieval_debug",
    "family": "videomamba_retrieval",
    "tag": "test",
    "training": "toy",
    "data": "random numbers",
    "labels": None,
    "num_frames": 4,
    "image_size": 16,
    "scan_order": "spatial_first",
    "readout": None,
    "licence": "MIT",
    "reported_accuracy": None,
    "accuracy_note": "",
    "preprocessing": {"resize": "squash", "interpolation": "bicubic"},
    "run": {"command": "none", "seed": 0},
}


@pytest.fixture(scope="session")
def vocabulary(tmp_path_factory):
    path = tmp_path_factory.mktemp("vocabulary") / "vocab.txt"
    path.write_text("\n".join(WORDS) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory):
    """A folder with weights that tell videos and texts apart, though by chance."""
    folder = tmp_path_factory.mktemp("checkpoints")
    model = create_model("videomamba_retrieval_debug")
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            if not key.endswith("_log"):
                parameter.normal_(std=0.3, generator=generator)
    ship_checkpoint(model.state_dict(), ENTRY, folder)
    return folder


@pytest.fixture
def weights_name(checkpoints, monkeypatch):
    monkeypatch.setenv(FOLDER_VARIABLE, str(checkpoints))
    return NAME


@pytest.fixture
def loaded(weights_name):
    return load_retrieval_model(weights_name)
