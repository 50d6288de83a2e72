"""A sweep in numbers: growth, crossings and how many times its peers cost what a scan costs."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from analysis.profiling.sweep.fit import (
    MEASURES,
    Crossover,
    Slope,
    common_sizes,
    crossover,
    measured_points,
    slopes,
)
from analysis.profiling.sweep.point import Curve
from analysis.profiling.sweep.run import Sweep

PAPER_FRAMES, PAPER_IMAGE_SIZE = 64, 224
PAPER_TIMES = {"latency_ms": 6.0, "memory_bytes": 40.0}
"""What TimeSformer costs over VideoMamba at that size (VideoMamba paper, abstract and Fig. 1)."""
CROSSING_SEED = 0
_BY_PARAMETERS = {
    "vmamba_b1": "tiny",
    "mamba_adaptor_b1": "tiny",
    "vmamba_tiny": "small",
    "vmamba_tiny_wide": "small",
    "mamba_adaptor_b2": "small",
    "mamba_adaptor_b2_wide": "small",
}
"""Size classes that names do not tell: 8 and 30 million parameters, where Ti has 7 and S has 26."""


@dataclass(frozen=True)
class Ratio:
    """What a peer costs over what a scanning model costs at one size.

    `times_latency` and `times_memory` above 1 mean that the peer costs more; None where one of the
    two was not measured. Memory is above weights and input, as in the curves.
    """

    scan: Curve
    peer: Curve
    num_frames: int
    image_size: int
    batch: int
    tokens: int
    times_latency: float | None
    times_memory: float | None

    @property
    def all_tokens(self) -> int:
        """Tokens of all clips of the batch."""
        return self.tokens * self.batch

    def times(self, measure: str) -> float | None:
        """The ratio of "latency_ms" or "memory_bytes"."""
        return {"latency_ms": self.times_latency, "memory_bytes": self.times_memory}[measure]

    def row(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self) | {"scan": self.scan.label, "peer": self.peer.label}


@dataclass(frozen=True)
class SweepSummary:
    """Everything that follows from a sweep's points."""

    slopes: tuple[Slope, ...]
    crossovers: tuple[Crossover, ...]
    ratios: tuple[Ratio, ...]

    def row(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "slopes": [slope.row() for slope in self.slopes],
            "crossovers": [crossing.row() for crossing in self.crossovers],
            "ratios": [ratio.row() for ratio in self.ratios],
        }


def summarise(sweep: Sweep) -> SweepSummary:
    """Slopes of all curves; crossings and ratios of every scanning model with its peers.

    Peers of a curve have the same size class, pass, dtype and device. The intervals of crossings
    are drawn with a fixed seed: the same sweep gives the same summary.
    """
    rng = np.random.default_rng(CROSSING_SEED)
    crossings, ratios = [], []
    for scan, peer in peers(sweep.spec.curves):
        for measure in MEASURES:
            found = crossover(sweep, scan, peer, measure, rng)
            if found is not None:
                crossings.append(found)
        ratios += _ratios(sweep, scan, peer)
    return SweepSummary(slopes(sweep), tuple(crossings), tuple(ratios))


def peers(curves: tuple[Curve, ...]) -> list[tuple[Curve, Curve]]:
    """Scanning curves, each with every attention curve that it is fairly compared with."""
    scanning = [curve for curve in curves if curve.scans]
    others = [curve for curve in curves if not curve.scans]
    return [
        (scan, peer)
        for scan in scanning
        for peer in others
        if (scan.pass_, scan.dtype, scan.device) == (peer.pass_, peer.dtype, peer.device)
        and _size_class(scan.model) == _size_class(peer.model)
    ]


def _size_class(model: str) -> str:
    """Ti, S, B or L/14; VideoMamba-M stands against the B of attention models, as in the paper."""
    if model in _BY_PARAMETERS:
        return _BY_PARAMETERS[model]
    classes = {"mini": "tiny", "tiny": "tiny", "small": "small", "l14": "l14"}
    return next((name for size, name in classes.items() if size in model), "base")


def _ratios(sweep: Sweep, scan: Curve, peer: Curve) -> list[Ratio]:
    found = []
    pairs = common_sizes(measured_points(sweep, scan), measured_points(sweep, peer))
    for result, other in pairs:
        memory = (other.memory_bytes, result.memory_bytes)
        found.append(
            Ratio(
                scan,
                peer,
                result.point.num_frames,
                result.point.image_size,
                result.point.batch,
                result.tokens,
                other.latency_ms / result.latency_ms,
                memory[0] / memory[1] if all(memory) else None,
            )
        )
    return found
