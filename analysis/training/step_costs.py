"""What an update takes: time and memory, of several recipes in turn."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from analysis.tracing.interleaved import interleaved_timings
from analysis.tracing.peak_memory import measure_peak_memory
from analysis.training.recipe import Recipe
from analysis.training.source import Material
from analysis.training.state import start_state
from analysis.training.trainer import run_shape
from analysis.training.update import Updater

_TIMED_STEPS = 5


@dataclass(frozen=True)
class StepCost:
    """Of one update, its clips rendered before.

    step_ms: median. memory_bytes: the most it held beside model and optimiser, None where the
        system does not tell.
    """

    step_ms: float
    memory_bytes: int | None


def step_costs(
    subjects: Mapping[str, tuple[Recipe, Material]], device: torch.device | None = None
) -> dict[str, StepCost]:
    """Of updates by recipes on their data, each from a start of its own, timed in turn."""
    steps = {name: _Step(recipe, material, device) for name, (recipe, material) in subjects.items()}
    memory = {}
    for name, step in steps.items():
        step()  # Kernels are built and optimiser states made.
        memory[name] = measure_peak_memory(step, step.updater.device)[1].memory_bytes
    timings = interleaved_timings(steps, rounds=_TIMED_STEPS)
    return {
        name: StepCost(round(timings[name].median_ms, 1), memory_bytes)
        for name, memory_bytes in memory.items()
    }


class _Step:
    """The same update again and again, on one batch."""

    def __init__(self, recipe: Recipe, material: Material, device: torch.device | None):
        shape = run_shape(recipe, material)
        state = start_state(recipe, material.labels, device)
        draws = np.random.default_rng(recipe.seed)
        batch = material.training(shape).batch(0)
        self.batch = recipe.objective.prepare(batch, len(material.labels), draws)
        self.updater = Updater(state, recipe, shape.steps, rank=0, world=1)

    def __call__(self) -> None:
        with self.updater.running():
            self.updater.update(self.batch)
