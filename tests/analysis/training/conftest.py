"""A tiny task in the size of videomamba_debug, so that runs take a second; lists of real files."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from analysis.__main__ import main
from analysis.training.clip_feed import normalised
from analysis.training.objectives.classification import Classification
from analysis.training.recipe import ModelChoice, Optimizer, Recipe
from analysis.training.source import Batch
from analysis.video.decode import read_frames


@dataclass(frozen=True)
class Noise:
    """Two easy classes of clips: flat grey or strong noise."""

    def load(self, places, say):
        return NoiseMaterial()


class NoiseMaterial:
    labels = ("grey", "noise")
    label_order = None
    clips_per_epoch = None

    def training(self, run):
        return NoiseSource(run)

    def held_out(self, run, clips):
        yield NoiseSource(replace(run, batch_size=clips, seed=99)).batch(0)

    def evaluate(self, model, run):
        return {"accuracy": 50.0, "accuracy_note": "half of them"}

    def facts(self):
        return {"data": "grey and noise", "note": ""}


class NoiseSource:
    def __init__(self, run):
        self.run = run

    def batch(self, step):
        generator = np.random.default_rng([self.run.seed, step, self.run.rank])
        labels = generator.integers(0, 2, self.run.batch_size)
        pixels = np.full((len(labels), 4, 16, 16, 3), 128, np.uint8)
        noise = generator.integers(0, 256, pixels.shape, dtype=np.uint8)
        noisy = labels.astype(bool)[:, None, None, None, None]
        return Batch(normalised(np.where(noisy, noise, pixels)), torch.from_numpy(labels))


TINY = Recipe(
    data=Noise(),
    model=ModelChoice("videomamba_debug", step_sizes=(0.001, 0.2)),
    objective=Classification(label_smoothing=0.05),
    optimizer=Optimizer(learning_rate=3e-3, mean_decay=0.997),
    clips=64,
    batch_size=8,
)


@pytest.fixture
def tiny() -> Recipe:
    return TINY


@pytest.fixture
def material() -> NoiseMaterial:
    return NoiseMaterial()


def weights_of(state) -> torch.Tensor:
    """All weights of a state in one vector."""
    models = [m for m in (state.model, state.mean_model) if m is not None]
    return torch.cat([p.detach().flatten() for model in models for p in model.parameters()])


_CLIPS = Path(__file__).parents[2] / "data/clips"
_VIDEOS = sorted(_CLIPS.glob("*.mp4"))[:4]
_SMALL = {
    "model.drop_path_rate": 0.1,
    "epochs": 1,
    "batch_size": 4,
    "optimizer.warmup_share": 0.5,
    "data.training.classes": 2,
    "data.held_out.classes": 2,
}


@pytest.fixture(scope="module")
def list_root(tmp_path_factory):
    """Lists over the test clips, and a folder of pictures taken from them."""
    root = tmp_path_factory.mktemp("data")
    for list_name in ("train.csv", "test.csv"):
        lines = [f"{video} {number % 2}" for number, video in enumerate(_VIDEOS)]
        (root / list_name).write_text("\n".join(lines))
        lines = [f"{video} {number % 2} 0.0 1.0" for number, video in enumerate(_VIDEOS)]
        (root / f"lvu_{list_name}").write_text("\n".join(lines))
    for split in ("train", "val"):
        for number, video in enumerate(_VIDEOS):
            folder = root / split / f"class_{number % 2}"
            folder.mkdir(parents=True, exist_ok=True)
            picture = Image.fromarray(read_frames(video, [0, 3], short_side=64)[0])
            picture.save(folder / f"{video.stem}.png")
    return root


@pytest.fixture(scope="module")
def trained_from_lists(list_root, tmp_path_factory):
    """Trains a recipe in small through the command; the weights are then known by name."""
    own = tmp_path_factory.mktemp("own")
    patch = pytest.MonkeyPatch()
    patch.setenv("SCANSCOPE_CHECKPOINTS", str(own))

    def train(recipe: str, **changes):
        words = ["train", recipe, "--root", str(list_root), "--out", str(own / "runs" / recipe)]
        for field, value in {**_SMALL, **changes}.items():
            words += ["--set", f"{field.replace('__', '.')}={value}"]
        code = main([*words, "--checkpoints", str(own)])
        name = f"{changes['model__name']}.{recipe.partition('.')[2]}"
        return code, name, own / f"{name}.json"

    yield train
    patch.undo()
