"""Maps over the token grid as pictures: see-through heat for the browser, overlays to save.

Unsigned maps run through the sequential colours from their lowest to their highest value, signed
ones through the diverging colours, centred at zero; what matters little is see-through.
"""

import base64
import io
from functools import lru_cache

import numpy as np
from PIL import Image
from plotly.colors import sample_colorscale

from app.theme import DIVERGING, SEQUENTIAL

_STEPS = 256
_LOW, _HIGH = 0.01, 0.995
"""Quantiles of a map between which colours spread, so that single tokens do not hide the rest."""
_OPACITY_POWER = 0.8
_MAX_OPACITY = 0.92
_DARKER = 0.82
"""How bright the grey frame under the heat is."""


def positions(values: np.ndarray, signed: bool) -> np.ndarray:
    """Where on its colour scale every value lies: -1..1 for signed maps, else 0..1."""
    values = np.asarray(values, np.float64)
    if signed:
        largest = np.quantile(np.abs(values), _HIGH) or np.abs(values).max() or 1.0
        return np.clip(values / largest, -1, 1)
    low, high = np.quantile(values, [_LOW, _HIGH])
    if high <= low:
        low, high = values.min(), values.max()
    return np.clip((values - low) / ((high - low) or 1.0), 0, 1)


def heat(values: np.ndarray, signed: bool) -> np.ndarray:
    """Colours and opacity, uint8 (..., 4), of a map (...)."""
    at = positions(values, signed)
    along = (at + 1) / 2 if signed else at
    colors = scale_colors(DIVERGING if signed else SEQUENTIAL)
    index = np.round(along * (_STEPS - 1)).astype(int)
    opacity = _MAX_OPACITY * np.abs(at) ** _OPACITY_POWER
    alpha = np.round(255 * opacity).astype(np.uint8)
    return np.concatenate([colors[index], alpha[..., None]], axis=-1)


def heat_sprite(values: np.ndarray, signed: bool) -> str:
    """The heat of a map (t, h, w) as a PNG data address: time steps side by side, 1 px a token."""
    tiles = heat(values, signed)
    t, h, w = tiles.shape[:3]
    sheet = Image.fromarray(tiles.transpose(1, 0, 2, 3).reshape(h, t * w, 4), "RGBA")
    return data_address(png_bytes(sheet), "image/png")


def averaged_down(pixels: np.ndarray, most: int) -> np.ndarray:
    """Pixels (T, H, W), in means of squares where a side is above `most`."""
    count, height, width = pixels.shape
    every = -(-max(height, width) // most)
    rows, columns = height // every, width // every
    cut = pixels[:, : rows * every, : columns * every]
    return cut.reshape(count, rows, every, columns, every).mean((2, 4))


def overlaid(
    frames: np.ndarray, values: np.ndarray, signed: bool, strength: float = 1.0, smooth: bool = True
) -> np.ndarray:
    """Frames (T, H, W, 3) uint8 in grey under the heat of a map (t, h, w): the same shape."""
    count, height, width = frames.shape[:3]
    tiles = heat(values, signed)
    resample = Image.Resampling.BICUBIC if smooth else Image.Resampling.NEAREST
    layers = [
        np.asarray(Image.fromarray(tile, "RGBA").resize((width, height), resample), np.float64)
        for tile in tiles
    ]
    steps = np.arange(count) * len(tiles) // count
    grey = frames @ np.array([0.299, 0.587, 0.114]) * _DARKER
    out = np.empty(frames.shape, np.uint8)
    for frame, step in enumerate(steps):
        alpha = strength * layers[step][..., 3:] / 255
        mixed = (1 - alpha) * grey[frame][..., None] + alpha * layers[step][..., :3]
        out[frame] = np.round(mixed)
    return out


def legend_gradient(signed: bool) -> str:
    """The colour scale as a CSS gradient, lowest value left."""
    stops = scale_colors(DIVERGING if signed else SEQUENTIAL)[:: _STEPS // 8]
    return f"linear-gradient(90deg, {', '.join(f'rgb({r} {g} {b})' for r, g, b in stops)})"


def png_bytes(picture: Image.Image) -> bytes:
    packed = io.BytesIO()
    picture.save(packed, "PNG", optimize=True)
    return packed.getvalue()


def data_address(content: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


@lru_cache(maxsize=2)
def scale_colors(scale: str) -> np.ndarray:
    """uint8 (_STEPS, 3) of a plotly colour scale."""
    points = list(np.linspace(0, 1, _STEPS))
    rgb = sample_colorscale(scale, points, colortype="tuple")
    return np.round(255 * np.array(rgb)).astype(np.uint8)
