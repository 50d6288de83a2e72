"""Batches of rendered clips, prepared by a background thread while the model trains."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

from analysis.training.camera.camera_moves import CameraMoves
from analysis.training.recipe import Recipe
from analysis.video.preprocess import IMAGENET_MEAN, IMAGENET_STD

_AHEAD = 4


def step_batch(moves: CameraMoves, recipe: Recipe, step: int) -> tuple[np.ndarray, np.ndarray]:
    """The clips (uint8, B T H W 3) and labels (B,) of one step.

    They depend on seed and step alone, so that a resumed run sees what it would have seen.
    """
    generator = np.random.default_rng([recipe.seed, step])
    return moves.batch(recipe.batch_size, generator, recipe.difficulty_at(step))


def training_batches(
    moves: CameraMoves, recipe: Recipe, first_step: int, threads: int = 2
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The batches of steps `first_step` to the last, rendered a few steps ahead."""
    with ThreadPoolExecutor(threads, thread_name_prefix="render") as pool:
        waiting: deque[Future] = deque()
        try:
            for step in range(first_step, recipe.steps):
                waiting.append(pool.submit(step_batch, moves, recipe, step))
                if len(waiting) > _AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def normalised(pixels: np.ndarray) -> Tensor:
    """Model input, float32 (B, 3, T, H, W), from clips uint8 (B, T, H, W, 3)."""
    clips = torch.from_numpy(pixels).permute(0, 4, 1, 2, 3).float()
    mean = torch.tensor(IMAGENET_MEAN).view(3, 1, 1, 1) * 255.0
    std = torch.tensor(IMAGENET_STD).view(3, 1, 1, 1) * 255.0
    return ((clips - mean) / std).contiguous()
