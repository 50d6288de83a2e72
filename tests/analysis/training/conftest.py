"""A tiny task in the size of videomamba_debug, so that runs take a second."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from analysis.training.clip_feed import normalised
from analysis.training.objectives.classification import Classification
from analysis.training.recipe import ModelChoice, Optimizer, Recipe
from analysis.training.source import Batch


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
