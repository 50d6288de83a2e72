"""How cost grows, and where two curves cross, each with an interval."""

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from analysis.profiling.sweep.point import MEASURED, Curve, PointResult
from analysis.profiling.sweep.run import Sweep

MEASURES = ("latency_ms", "memory_bytes")
CONFIDENCE = 0.95
RESAMPLES = 400


@dataclass(frozen=True)
class Slope:
    """The exponent of a power law: cost grows as tokens to the power of `value`.

    `low` and `high` bound it with 95 % confidence (Student's t on the residuals of the log-log
    line); None with two points, where a line leaves no residuals. `last_doubling` is the exponent
    between the two largest sizes alone, where fixed costs weigh least.
    """

    curve: Curve
    measure: str
    value: float
    low: float | None
    high: float | None
    last_doubling: float
    points: int

    def row(self) -> dict[str, Any]:
        """As JSON."""
        return {"label": self.curve.label, **asdict(self)}


def slopes(sweep: Sweep) -> tuple[Slope, ...]:
    """The slope of every curve and measure that has two sizes or more, against tokens in a batch.

    The specification asks for about 1 for a scan and toward 2 for joint attention.
    """
    found = []
    for curve in sweep.spec.curves:
        measured = measured_points(sweep, curve)
        for measure in MEASURES:
            sizes, costs = _sizes_and_costs(measured, measure)
            if len(set(sizes)) > 1:
                found.append(log_log_slope(curve, measure, sizes, costs))
    return tuple(found)


def measured_points(sweep: Sweep, curve: Curve) -> list[PointResult]:
    """The results of a curve that have numbers, from the smallest size on."""
    results = [
        result
        for result in sweep.results
        if result.point.curve == curve and result.status == MEASURED
    ]
    return sorted(results, key=lambda result: result.all_tokens)


def log_log_slope(curve: Curve, measure: str, sizes: list[float], costs: list[float]) -> Slope:
    """Least squares on logarithms. Sizes ascend and at least two differ."""
    from scipy.special import stdtrit  # slow to load, and nothing else here needs it

    x, y = np.log(sizes), np.log(costs)
    slope, offset = np.polyfit(x, y, 1)
    half = None
    if len(sizes) > 2:
        free = len(sizes) - 2
        variance = np.sum((y - slope * x - offset) ** 2) / free / np.sum((x - x.mean()) ** 2)
        half = float(stdtrit(free, 0.5 + CONFIDENCE / 2) * np.sqrt(variance))
    before = max(index for index, size in enumerate(sizes) if size < sizes[-1])
    return Slope(
        curve,
        measure,
        float(slope),
        None if half is None else float(slope) - half,
        None if half is None else float(slope) + half,
        float((y[-1] - y[before]) / (x[-1] - x[before])),
        len(sizes),
    )


@dataclass(frozen=True)
class Crossover:
    """Where `slower_later` begins to cost more than `faster_later`, going up in tokens.

    tokens: per batch, on straight lines between measured points of the log-log plot; None where
        one curve is cheaper at all sizes measured, which `always_cheaper` then names. low and high
        bound it with 95 % confidence, times of single calls drawn anew (memory has one reading a
        point and so no interval).
    """

    measure: str
    faster_later: Curve
    slower_later: Curve
    tokens: float | None
    low: float | None
    high: float | None
    always_cheaper: Curve | None

    def row(self) -> dict[str, Any]:
        """As JSON."""
        cheaper = self.always_cheaper
        return asdict(self) | {
            "faster_later": self.faster_later.label,
            "slower_later": self.slower_later.label,
            "always_cheaper": None if cheaper is None else cheaper.label,
        }


def crossover(
    sweep: Sweep, one: Curve, other: Curve, measure: str, rng: np.random.Generator
) -> Crossover | None:
    """Where the two curves cross; None unless both were measured at two common sizes.

    `one` is taken to be cheaper at the largest common size, or the two change places.
    """
    pairs = [
        pair
        for pair in common_sizes(measured_points(sweep, one), measured_points(sweep, other))
        if all(getattr(result, measure) for result in pair)
    ]
    if len(pairs) < 2:
        return None
    sizes = [float(first.all_tokens) for first, _ in pairs]
    ratios = [_ratio(first, second, measure) for first, second in pairs]
    if ratios[-1] < 0:
        one, other, pairs = other, one, [(second, first) for first, second in pairs]
        ratios = [-ratio for ratio in ratios]
    place = _crossing(sizes, ratios)
    if place is None:
        return Crossover(measure, one, other, None, None, None, one)
    low = high = None
    if measure == "latency_ms":
        drawn = [
            _crossing(sizes, [_drawn_ratio(first, second, rng) for first, second in pairs])
            for _ in range(RESAMPLES)
        ]
        found = [tokens for tokens in drawn if tokens is not None]
        if len(found) >= CONFIDENCE * RESAMPLES:
            tail = (1 - CONFIDENCE) / 2
            low, high = (float(np.quantile(found, share)) for share in (tail, 1 - tail))
    return Crossover(measure, one, other, place, low, high, None)


def _sizes_and_costs(results: list[PointResult], measure: str) -> tuple[list[float], list[float]]:
    pairs = [
        (float(result.all_tokens), float(getattr(result, measure)))
        for result in results
        if getattr(result, measure)
    ]
    return [size for size, _ in pairs], [cost for _, cost in pairs]


def common_sizes(
    ones: list[PointResult], others: list[PointResult]
) -> list[tuple[PointResult, PointResult]]:
    """Results of both curves at the same frames, pixels and batch, from the smallest on."""

    def size(result: PointResult) -> tuple[int, int, int]:
        return result.point.num_frames, result.point.image_size, result.point.batch

    known = {size(result): result for result in others}
    return [(result, known[size(result)]) for result in ones if size(result) in known]


def _ratio(one: PointResult, other: PointResult, measure: str) -> float:
    """The logarithm of how many times more the other costs."""
    return math.log(getattr(other, measure) / getattr(one, measure))


def _drawn_ratio(one: PointResult, other: PointResult, rng: np.random.Generator) -> float:
    first, second = (
        np.median(rng.choice(result.times_ms, len(result.times_ms))) for result in (one, other)
    )
    return float(np.log(second / first))


def _crossing(sizes: list[float], ratios: list[float]) -> float | None:
    """The last size where the logarithm of the ratio rises through 0."""
    for index in range(len(ratios) - 1, 0, -1):
        before, after = ratios[index - 1], ratios[index]
        if before < 0 <= after and sizes[index] > sizes[index - 1]:
            share = -before / (after - before)
            x = math.log(sizes[index - 1]) * (1 - share) + math.log(sizes[index]) * share
            return math.exp(x)
    return None
