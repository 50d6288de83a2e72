"""When in a clip the evidence lies: what a map gives each time step, and where most of it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.figures.number_format import percent

Map = dict[str, Any]
"""What `app.attributions` gives: an attribution as plain JSON."""


@dataclass(frozen=True)
class Span:
    """Consecutive time steps, from the first to the last, and their share of the evidence."""

    first: int
    last: int
    share: float


def grid_values(one: Map) -> np.ndarray:
    """The map as an array (t, h, w)."""
    return np.array(one["values"], np.float32).reshape(one["grid"])


def evidence_by_step(one: Map) -> list[tuple[float, float]]:
    """For each time step the shares of all evidence that speak for and against the class.

    All shares of a map, taken by magnitude, add up to 1. Unsigned maps have nothing against.
    """
    values = grid_values(one).astype(np.float64)
    total = np.abs(values).sum() or 1.0
    supporting = values.clip(min=0).sum((1, 2)) / total
    opposing = -values.clip(max=0).sum((1, 2)) / total
    return [(float(a), float(b)) for a, b in zip(supporting, opposing, strict=True)]


def main_span(steps: Sequence[tuple[float, float]], at_least: float = 0.5) -> Span:
    """The fewest consecutive steps that hold `at_least` of the evidence, the richest of those."""
    shares = [supporting + opposing for supporting, opposing in steps]
    for length in range(1, len(shares) + 1):
        sums = [sum(shares[i : i + length]) for i in range(len(shares) - length + 1)]
        best = max(range(len(sums)), key=sums.__getitem__)
        if sums[best] >= at_least or length == len(shares):
            return Span(best, best + length - 1, sums[best])
    raise ValueError("A map has at least one time step.")


def frames_in_words(first_step: int, last_step: int, tubelet: int) -> str:
    """Time steps as the frames that a visitor counts from 1: "frame 3", "frames 3–6"."""
    first, last = first_step * tubelet + 1, (last_step + 1) * tubelet
    return f"frame {first}" if first == last else f"frames {first}\N{EN DASH}{last}"


def step_words(step: int, supporting: float, opposing: float, tubelet: int, signed: bool) -> str:
    """What a time step holds of a map, from the shares that `evidence_by_step` gives."""
    where = frames_in_words(step, step, tubelet).capitalize()
    if not signed:
        return f"{where}: {percent(supporting)} of the map"
    return f"{where}: {percent(supporting)} for the class, {percent(opposing)} against it"


def contrast(one: Map) -> float:
    """How far apart the tokens of a map are: (highest - lowest) / largest magnitude."""
    values = grid_values(one)
    return float(np.ptp(values) / (np.abs(values).max() or 1.0))
