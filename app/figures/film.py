"""The frames a model read, packed for the browser as one sprite sheet with their times."""

import io
import math
from html import escape

import numpy as np
from PIL import Image

from analysis.layers.token_grid import TokenGrid
from analysis.prediction import SampledClip
from app.figures.heat import data_address

LARGEST_TILE = 192
"""Longest side in pixels of a frame in the sprite sheet; larger frames are reduced for display."""
_QUALITY = 88


def clip_identity(sampled: SampledClip) -> dict:
    """What tells whether the page shows this clip in this setting."""
    return {
        "name": sampled.name,
        "times_s": [round(float(time), 3) for time in sampled.frame_times_s],
    }


def film(sampled: SampledClip, grid: TokenGrid) -> dict:
    """What the browser needs to show, scrub and play the sampled frames without asking again.

    `grid` is the token grid (t, h, w) that the model lays over them.
    """
    sprite, columns, tile = _sprite_sheet(sampled.pixels)
    info = sampled.info
    return {
        **clip_identity(sampled),
        "source": source_line(sampled),
        "sprite": sprite,
        "columns": columns,
        "tile_width": tile[0],
        "tile_height": tile[1],
        "count": len(sampled.frame_indices),
        "frame_indices": [int(index) for index in sampled.frame_indices],
        "duration_s": round(float(info.duration_s), 3),
        "grid": {"t": grid.t, "h": grid.h, "w": grid.w},
        "tubelet": max(1, len(sampled.frame_indices) // grid.t),
    }


def source_line(sampled: SampledClip) -> str:
    """Which part of the file the model is shown: frames of frames, and pixels from pixels."""
    info = sampled.info
    height, width = sampled.pixels.shape[1:3]
    times = "\N{MULTIPLICATION SIGN}"
    return (
        f"{len(sampled.frame_indices)} of {info.frame_count} frames at {width}{times}{height} "
        f"from {info.width}{times}{info.height}"
    )


def evenly(count: int, most: int) -> list[int]:
    """At most `most` numbers from 0, evenly spread below `count`."""
    shown = min(count, most)
    return [index * count // shown for index in range(shown)]


def picture(pixels: np.ndarray, side: int, words: str) -> str:
    """Pixels (H, W, 3) uint8 as an <img> that carries them, reduced to at most `side` px."""
    drawn = Image.fromarray(pixels)
    shrink = side / max(drawn.size)
    size = tuple(max(1, round(length * shrink)) for length in drawn.size)
    packed = io.BytesIO()
    if shrink < 1:
        drawn = drawn.resize(size, Image.Resampling.LANCZOS)
    drawn.save(packed, "WEBP", quality=_QUALITY)
    address = data_address(packed.getvalue(), "image/webp")
    return (
        f'<img src="{address}" alt="{escape(words)}" width="{drawn.width}" height="{drawn.height}">'
    )


def _sprite_sheet(frames: np.ndarray) -> tuple[str, int, tuple[int, int]]:
    """Frames (T, H, W, 3) uint8 as a data address of one picture, its columns, and tile (w, h)."""
    count, height, width = frames.shape[:3]
    shrink = min(1.0, LARGEST_TILE / max(height, width))
    tile = (max(1, round(width * shrink)), max(1, round(height * shrink)))
    columns = math.ceil(math.sqrt(count))
    sheet = Image.new("RGB", (columns * tile[0], math.ceil(count / columns) * tile[1]))
    for index, frame in enumerate(frames):
        picture = Image.fromarray(frame).resize(tile, Image.Resampling.LANCZOS)
        sheet.paste(picture, ((index % columns) * tile[0], (index // columns) * tile[1]))
    packed = io.BytesIO()
    sheet.save(packed, "WEBP", quality=_QUALITY)
    return data_address(packed.getvalue(), "image/webp"), columns, tile
