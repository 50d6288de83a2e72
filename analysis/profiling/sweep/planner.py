"""What fits: from measured points to the largest clip that a memory can hold."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from analysis.profiling.errors import ProfilingError
from analysis.profiling.sweep.fit import measured_points
from analysis.profiling.sweep.point import CostPoint, Curve, PointResult
from analysis.profiling.sweep.run import Sweep

MOST_FRAMES = 4096
MEASURES = ("memory_bytes", "latency_ms")


@dataclass(frozen=True)
class CostLaw:
    """A measure as a sum of terms that cannot be negative: fixed, by token, by pair of tokens.

    held_back_error: the largest relative error when each measured point, in turn, is left out of
        the fit and predicted; None with fewer than three points. Divided attention has its own two
        kinds of pair: frames of one place and places of one frame.
    """

    curve: Curve
    measure: str
    coefficients: tuple[float, ...]
    held_back_error: float | None
    points: int

    def at(self, point: CostPoint) -> float:
        """The predicted cost of a point."""
        return float(np.dot(self.coefficients, _terms(point, self.measure)))


@dataclass(frozen=True)
class Plan:
    """What a memory can hold of one model.

    most_frames: 0 when not even the smallest clip fits; never above `MOST_FRAMES`. The other
    numbers are predicted for `frames`, those asked for or else the most: memory_bytes with the
    weights, latency_ms on the machine of the sweep. times_beyond: the tokens of these frames over
    those of the largest point measured.
    """

    curve: Curve
    image_size: int
    batch: int
    most_frames: int
    frames: int
    memory_bytes: float
    latency_ms: float | None
    memory_error: float | None
    latency_error: float | None
    times_beyond: float

    @property
    def fits(self) -> bool:
        """Whether `frames` do."""
        return 0 < self.frames <= self.most_frames

    @property
    def extrapolated(self) -> bool:
        return self.times_beyond > 1

    def row(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "label": self.curve.label,
            **asdict(self),
            "fits": self.fits,
            "extrapolated": self.extrapolated,
        }


def cost_law(results: list[PointResult], measure: str) -> CostLaw | None:
    """The law of one curve, by least squares on relative errors; None with fewer than two points.

    A law has no more terms than points to hold it.
    """
    known = [result for result in results if getattr(result, measure)]
    if len({result.all_tokens for result in known}) < 2:
        return None
    coefficients = _fitted(known, measure)
    errors = []
    if len(known) > 2:
        for left_out in range(len(known)):
            rest = known[:left_out] + known[left_out + 1 :]
            guess = float(np.dot(_fitted(rest, measure), _terms(known[left_out].point, measure)))
            errors.append(abs(guess / getattr(known[left_out], measure) - 1))
    return CostLaw(
        known[0].point.curve,
        measure,
        tuple(coefficients),
        max(errors, default=None),
        len(known),
    )


def plans(
    sweep: Sweep, budget_bytes: float, image_size: int, *, batch: int = 1, frames: int | None = None
) -> tuple[Plan, ...]:
    """For every curve that can be fitted, the most frames of `image_size` pixels in a memory.

    With `frames`, rounded up to what a model's tubelets can hold, the plan is what those cost.
    Curves that hold the most frames stand first, the quicker of equals before.

    Raises ProfilingError for a size that the models cannot have.
    """
    for name, value in (("The memory", budget_bytes), ("The batch", batch)):
        if not value > 0:
            raise ProfilingError(f"{name} is {value:g}; it has to be above 0.")
    found = []
    for curve in sweep.spec.curves:
        results = measured_points(sweep, curve)
        _check_size(curve, image_size)
        laws = [cost_law(results, measure) for measure in MEASURES]
        if laws[0] is not None:
            found.append(_plan(results, laws, budget_bytes, image_size, batch, frames))
    return tuple(sorted(found, key=lambda plan: (-plan.most_frames, plan.latency_ms or 0)))


def _plan(
    results: list[PointResult],
    laws: list[CostLaw | None],
    budget_bytes: float,
    image_size: int,
    batch: int,
    frames: int | None,
) -> Plan:
    memory, latency = laws
    curve, weights = memory.curve, results[0].weights_bytes
    # Models that read images take any number of them.
    tubelet = getattr(results[0].point.config, "tubelet", 1)

    def point(steps: int) -> CostPoint:
        return CostPoint(curve, steps * tubelet, image_size, batch)

    low, high = 0, MOST_FRAMES // tubelet
    while low < high:
        middle = (low + high + 1) // 2
        fits = weights + memory.at(point(middle)) <= budget_bytes
        low, high = (middle, high) if fits else (low, middle - 1)
    planned = point(-(-frames // tubelet) if frames else max(low, 1))
    largest = max(result.all_tokens for result in results)
    return Plan(
        curve,
        image_size,
        batch,
        most_frames=low * tubelet,
        frames=planned.num_frames if frames or low else 0,
        memory_bytes=weights + memory.at(planned),
        latency_ms=None if latency is None else latency.at(planned),
        memory_error=memory.held_back_error,
        latency_error=None if latency is None else latency.held_back_error,
        times_beyond=planned.tokens * batch / largest,
    )


def _check_size(curve: Curve, image_size: int) -> None:
    try:
        _ = CostPoint(curve, 4, image_size).config
    except ValueError as error:
        raise ProfilingError(f"{curve.model}: {error}.") from None


def _fitted(results: list[PointResult], measure: str) -> np.ndarray:
    """Coefficients of the terms; with fewer points than terms, of those that grow fastest."""
    from scipy.optimize import nnls  # half a second, which only a plan has to wait for

    costs = np.array([float(getattr(result, measure)) for result in results])
    # Divided by the cost, every point counts by its relative error.
    terms = np.array([_terms(result.point, measure) for result in results]) / costs[:, None]
    coefficients = np.zeros(terms.shape[1])
    used = slice(-min(terms.shape), None)
    scale = terms[:, used].max(0)
    coefficients[used] = nnls(terms[:, used] / scale, np.ones(len(costs)))[0] / scale
    return coefficients


def _terms(point: CostPoint, measure: str) -> np.ndarray:
    """1, tokens, and pairs of tokens where the model compares them and the measure feels it.

    Scores that are never stored take time and no memory.
    """
    curve, grid = point.curve, point.config.token_grid
    places, steps = grid.h * grid.w, point.num_frames if point.frame_by_frame else grid.t
    tokens = point.batch * places * steps
    stored = measure != "memory_bytes" or curve.kernel == "softmax"
    # The windows of a MoMa have at most so many tokens, however long the clip is.
    if curve.scans or not stored:
        return np.array([1.0, tokens])
    if curve.model.endswith("_joint"):
        return np.array([1.0, tokens, tokens * places * steps])
    return np.array([1.0, tokens, tokens * places, tokens * steps])
