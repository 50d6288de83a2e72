"""Amounts of contributions as colours: linearly, or in powers of ten, always with their scale.

Contributions fade over many powers of ten, so that a linear scale shows a few tokens and nothing
else. Signed amounts run through the diverging colours, zero in the middle and see-through.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from app.figures.heat import data_address, png_bytes, scale_colors
from app.figures.number_format import THIN_SPACE, significant
from app.theme import DIVERGING, SEQUENTIAL

POWERS = 3
"""Powers of ten that the logarithmic scale spans; what is less stays without colour."""
LOGARITHMIC, LINEAR, RANGE = "logarithmic", "linear", "range"
"""In powers of ten; from zero; from the smallest amount, for what never comes near zero."""
_STEPS = 256
_LEAST_OPACITY, _MOST_OPACITY = 0.12, 0.92
_HIDDEN = (9, 10, 14, 205)
"""Where there is no amount: the frame stays dark."""


@dataclass(frozen=True)
class ColorScale:
    """From `smallest`, 0 but for RANGE, to `largest`; for signed amounts from -largest."""

    largest: float
    signed: bool
    kind: str
    smallest: float = 0.0

    def positions(self, values: np.ndarray) -> np.ndarray:
        """Where amounts lie: 0..1, or -1..1 with zero in the middle."""
        if self.kind == RANGE:
            span = (self.largest - self.smallest) or 1.0
            return np.clip((np.asarray(values, np.float64) - self.smallest) / span, 0, 1)
        size = np.abs(np.asarray(values, np.float64)) / (self.largest or 1.0)
        if self.kind == LOGARITHMIC:
            size = 1 + np.log10(np.maximum(size, 1e-300)) / POWERS
        return np.sign(values) * np.clip(size, 0, 1)

    def colors(self, values: np.ndarray) -> np.ndarray:
        """uint8 (..., 4): colour, and an opacity that rises with the amount; NaN is dark."""
        at = self.positions(values)
        absent = np.isnan(at)
        colors = _colors(np.where(absent, 0, at), self.signed)
        colors[absent] = _HIDDEN
        return colors

    def bar(self) -> str:
        """The scale itself, lowest amount left, as a data address of a picture of one row."""
        at = np.linspace(-1 if self.signed else 0, 1, _STEPS)
        return data_address(png_bytes(Image.fromarray(_colors(at, self.signed)[None])), "image/png")

    def ticks(self, as_share: bool) -> list[dict[str, object]]:
        """Marks of the bar: place in per cent of its width, and words."""
        if self.kind == RANGE:
            steps = (0.0, 0.5, 1.0)
            amounts = [self.smallest + at * (self.largest - self.smallest) for at in steps]
            pairs = zip(steps, amounts, strict=True)
            digits = _telling_digits(self.smallest, self.largest)
            return [{"at": 100 * at, "label": _label(v, as_share, digits)} for at, v in pairs]
        if self.kind == LOGARITHMIC:
            upper = [(1 - power / POWERS, 10.0**-power) for power in range(POWERS + 1)]
        else:
            upper = [(1.0, 1.0), (0.5, 0.5), (0.0, 0.0)]
        if self.signed:
            # Half as wide on either side of zero: every second mark, and zero itself.
            upper = [(at, share) for at, share in upper[::2] if at > 0]
            lower = [((1 - at) / 2, -share) for at, share in upper]
            upper = [((1 + at) / 2, share) for at, share in upper]
            upper += [(0.5, 0.0), *reversed(lower)]
        return [
            {"at": round(100 * at, 2), "label": _label(self.largest * share, as_share)}
            for at, share in reversed(upper)
        ]


def scale_for(values: np.ndarray, signed: bool, kind: str) -> ColorScale:
    """The scale up to the largest of these amounts; NaN is none."""
    known = values[~np.isnan(values)]
    if kind == RANGE and known.size:
        return ColorScale(float(known.max()), signed, kind, float(known.min()))
    return ColorScale(float(np.abs(known).max(initial=0.0)), signed, kind)


def sprite(colors: np.ndarray) -> str:
    """Colours (t, h, w, 4) as a PNG data address: time steps side by side, 1 px a token."""
    t, h, w = colors.shape[:3]
    sheet = Image.fromarray(np.ascontiguousarray(colors.transpose(1, 0, 2, 3)).reshape(h, t * w, 4))
    return data_address(png_bytes(sheet), "image/png")


def _colors(at: np.ndarray, signed: bool) -> np.ndarray:
    along = (at + 1) / 2 if signed else at
    colors = scale_colors(DIVERGING if signed else SEQUENTIAL)
    size = np.abs(at)
    opacity = np.where(size > 0, _LEAST_OPACITY + (_MOST_OPACITY - _LEAST_OPACITY) * size, 0)
    index = np.round(along * (len(colors) - 1)).astype(int)
    alpha = np.round(255 * opacity).astype(np.uint8)
    return np.concatenate([colors[index], alpha[..., None]], axis=-1)


def _telling_digits(low: float, high: float) -> int:
    """Significant digits with which the ends and the middle of a range look different."""
    if high <= low or high <= 0:
        return 2
    return int(np.clip(1 - np.floor(np.log10((high - low) / high)), 2, 7))


def _label(value: float, as_share: bool, digits: int = 2) -> str:
    if value == 0:
        return "0"
    sign = "\N{MINUS SIGN}" if value < 0 else ""
    size = 100 * abs(value) if as_share else abs(value)
    return f"{sign}{significant(size, digits)}{f'{THIN_SPACE}%' if as_share else ''}"
