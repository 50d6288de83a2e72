"""Sweeps made of known numbers: laws that the fits must find again."""

import pytest

from analysis.profiling.sweep.point import MEASURED, CostPoint, Curve, PointResult
from analysis.profiling.sweep.run import Sweep
from analysis.profiling.sweep.spec import SweepSpec

SCAN = Curve("videomamba_tiny")
JOINT = Curve("timesformer_tiny_joint", "softmax")
FLASH = Curve("timesformer_tiny_joint", "sdpa")
DIVIDED = Curve("timesformer_tiny_divided", "softmax")
MACHINE = {"device": "cpu", "processor": "a pencil", "threads": 1, "torch": "0", "measured_at": ""}


def known_result(point: CostPoint, latency_ms: float, memory_bytes: float) -> PointResult:
    return PointResult(
        point,
        MEASURED,
        tokens=point.tokens,
        times_ms=(latency_ms,) * 5,
        memory_bytes=round(memory_bytes),
        memory_method="by hand",
        weights_bytes=1_000_000,
        kernel_ran=point.curve.kernel,
    )


@pytest.fixture
def law_sweep():
    """A function that measures curves by laws: curve -> (latency, memory) of a point."""

    def make(laws: dict, frames=(2, 4, 8, 16), image_size: int = 112, **fields) -> Sweep:
        spec = SweepSpec(
            models=tuple(dict.fromkeys(curve.model for curve in laws)),
            kernels=tuple(dict.fromkeys(curve.kernel for curve in laws)),
            frames=frames,
            image_sizes=(image_size,),
            **fields,
        )
        results = [
            known_result(point, *laws[point.curve](point))
            for rank in spec.ranks
            for point in rank
            if point.curve in laws
        ]
        return Sweep(spec, MACHINE, tuple(results))

    return make
