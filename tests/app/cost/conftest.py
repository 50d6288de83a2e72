"""A measured sweep made of known numbers, for the views of the Cost tab."""

import pytest

from analysis.profiling.sweep.point import MEASURED, OUT_OF_MEMORY, Curve, PointResult
from analysis.profiling.sweep.run import Sweep
from analysis.profiling.sweep.spec import SweepSpec

SCAN = Curve("videomamba_tiny")
JOINT = Curve("timesformer_tiny_joint", "softmax")


@pytest.fixture
def sweep() -> Sweep:
    """Two curves over three sizes: one linear, one quadratic that runs out of memory at last."""
    spec = SweepSpec(
        models=(SCAN.model, JOINT.model),
        kernels=("auto", "softmax"),
        frames=(4, 8, 16),
        image_sizes=(112,),
    )

    def result(point) -> PointResult:
        if point.curve == JOINT and point.num_frames == 16:
            return PointResult(point, OUT_OF_MEMORY, "memory <ran> out", tokens=point.tokens)
        power = 1 if point.curve == SCAN else 2
        latency, memory = 2 * (point.tokens / 200) ** power, 1e6 * (point.tokens / 300) ** power
        times = tuple(latency * factor for factor in (0.9, 0.95, 1.0, 1.05, 1.1))
        return PointResult(
            point,
            MEASURED,
            tokens=point.tokens,
            times_ms=times,
            memory_bytes=round(memory),
            memory_method="by hand",
            weights_bytes=1_000_000,
            kernel_ran="by hand",
        )

    machine = {
        "processor": "a pencil",
        "threads": 1,
        "torch": "0",
        "operating_system": "paper",
        "measured_at": "2026-01-01T00:00:00Z",
        "load_average": 0.5,
    }
    points = [result(point) for rank in spec.ranks for point in rank]
    return Sweep(spec, machine, tuple(points))
