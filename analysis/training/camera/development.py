"""From float frames to bytes as a camera and a video codec would give them."""

import io

import numpy as np
from PIL import Image

from analysis.training.camera import affine_sampling


def develop(
    frames: np.ndarray,
    times: np.ndarray,
    generator: np.random.Generator,
    difficulty: float,
    pixels: np.ndarray,
) -> None:
    """Turn `frames`, float32 (T, H, W, 3) of grey levels, into `pixels`, uint8 of that shape.

    Brightness, contrast, colour and exposure changes and noise are random, the more so as
    `difficulty` nears 1. `times` (T,) run from 0 to 1.
    """
    spread = generator.normal(0.0, 1.0, 8) * difficulty
    level = np.linspace(0.0, 1.0, 256)
    tone = (level - 0.45) * np.exp(0.22 * spread[0]) + 0.45 + 0.07 * spread[1]
    tone = np.clip(tone, 0.0, 1.0) ** np.exp(0.25 * spread[2])
    tint = np.exp(0.08 * spread[3:6])
    curves = (255.0 * tone * tint[:, None]).astype(np.float32)
    saturation = np.float32(np.clip(1.0 - 0.15 * difficulty + 0.4 * spread[6], 0.0, 1.8))
    if generator.random() < 0.06 * difficulty:
        saturation = np.float32(0.0)
    exposures = np.ones(len(times))
    if generator.random() < 0.4 * difficulty:
        exposures += 0.2 * spread[7] * (times - 0.5) + 0.03 * generator.normal(size=len(times))
    noise = generator.uniform(0.0, 9.0) if generator.random() < 0.4 * difficulty else 0.0
    affine_sampling.develop(
        frames,
        curves,
        saturation,
        exposures.astype(np.float32),
        np.float32(noise),
        generator.integers(1, 2**63),
        pixels,
    )


def compress(pixels: np.ndarray, quality: int) -> None:
    """JPEG all frames in place: its blocks and colour loss stand in for a video codec's."""
    count, height, width = pixels.shape[:3]
    buffer = io.BytesIO()
    Image.fromarray(pixels.reshape(count * height, width, 3)).save(buffer, "JPEG", quality=quality)
    with Image.open(buffer) as image:
        pixels[:] = np.asarray(image).reshape(pixels.shape)
