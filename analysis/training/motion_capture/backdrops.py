"""What is behind a person where no photographs are given: plain, shaded and blotched pictures."""

import numpy as np
from PIL import Image

from analysis.training.camera.photographs import Photograph

_SIZE = 192


def made_backdrops(count: int, generator: np.random.Generator) -> tuple[Photograph, ...]:
    """`count` pictures of 192 by 192 pixels: in turn plain, a gradient, and blotches twice."""
    makers = (_plain, _gradient, _blotches, _blotches)
    return tuple(
        Photograph(f"made/{number}.png", makers[number % len(makers)](generator))
        for number in range(count)
    )


def _colour(generator: np.random.Generator) -> np.ndarray:
    colour = generator.uniform(0.0, 255.0, 3)
    return colour.mean() + generator.uniform(0.0, 1.0) * (colour - colour.mean())


def _plain(generator: np.random.Generator) -> np.ndarray:
    return np.full((_SIZE, _SIZE, 3), _colour(generator)).astype(np.uint8)


def _gradient(generator: np.random.Generator) -> np.ndarray:
    across, down = generator.normal(0.0, 1.0, 2)
    ramp = np.linspace(-1.0, 1.0, _SIZE)
    share = 1.0 / (1.0 + np.exp(-2.0 * (across * ramp[None, :] + down * ramp[:, None])))
    first, second = _colour(generator), _colour(generator)
    return (first + share[..., None] * (second - first)).astype(np.uint8)


def _blotches(generator: np.random.Generator) -> np.ndarray:
    pixels = np.full((_SIZE, _SIZE, 3), _colour(generator))
    filters = (Image.Resampling.NEAREST, Image.Resampling.BICUBIC)
    for cells in (3, 7, 16, 40, 96):
        coarse = generator.uniform(0.0, 256.0, (cells, cells, 3))
        grey = coarse.mean(axis=2, keepdims=True)
        coarse = (grey + generator.uniform(0.0, 0.7) * (coarse - grey)).astype(np.uint8)
        spread = Image.fromarray(coarse).resize((_SIZE, _SIZE), filters[generator.integers(2)])
        pixels += (np.asarray(spread, np.float64) - 128.0) * generator.uniform(0.0, 0.3)
    return np.clip(pixels, 0, 255).astype(np.uint8)
