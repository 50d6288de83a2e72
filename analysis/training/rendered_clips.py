"""Clips that are drawn as they are needed, easy at first, never the same twice."""

from collections.abc import Callable, Iterator

import numpy as np

from analysis.training.source import Batch, RunShape

Draw = Callable[[int, np.random.Generator, float], Batch]
"""Draws so many clips with this generator at this difficulty, 0 to 1."""

_HELD_OUT_BATCH = 90


class RenderedSource:
    """Batches that grow harder over the first `easy_share` of a run."""

    def __init__(self, draw: Draw, easy_share: float, run: RunShape):
        self.draw, self.easy_share, self.run = draw, easy_share, run

    def difficulty_at(self, step: int) -> float:
        """Difficulty (0 to 1) of the clips of step number `step`."""
        return min(1.0, step / max(1.0, self.easy_share * self.run.steps))

    def batch(self, step: int) -> Batch:
        """The batch of step number `step`."""
        generator = np.random.default_rng([self.run.seed, step, self.run.rank])
        return self.draw(self.run.batch_size, generator, self.difficulty_at(step))


def held_out_batches(draw: Draw, clips: int) -> Iterator[Batch]:
    """`clips` clips of full difficulty, the same at every call."""
    generator = np.random.default_rng([1, 0xE7A1])
    for start in range(0, clips, _HELD_OUT_BATCH):
        yield draw(min(_HELD_OUT_BATCH, clips - start), generator, 1.0)
