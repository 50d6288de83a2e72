"""Points of a sweep on the machines of a Ray cluster, each still in a fresh process of its own."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

import analysis
from analysis.profiling.errors import ProfilingError
from analysis.profiling.sweep.isolated import Cancelled, Limits, measure_isolated
from analysis.profiling.sweep.point import CostPoint, PointResult, point_from_row, result_from_row
from analysis.profiling.sweep.run import Execute, in_process

ADDRESS = "RAY_ADDRESS"
_POLL_S = 0.2


def chosen_execution() -> Execute:
    """On Ray where the environment variable RAY_ADDRESS names a cluster ("local" starts one here),
    otherwise in process. Raises ProfilingError where it does and Ray is not installed."""
    if not os.environ.get(ADDRESS):
        return in_process
    try:
        import ray  # noqa: F401
    except ImportError:
        raise ProfilingError(
            f"{ADDRESS} is set but Ray is not installed; run pip install ray, or unset it."
        ) from None
    return on_ray


def on_ray(
    points: list[CostPoint], limits: Limits, cancelled: Callable[[], bool]
) -> Iterator[PointResult]:
    """Results as they come in. A point takes a whole GPU, or as many cores as it has threads.

    Machines of a cluster should be alike: their results stand on one curve.
    """
    import ray

    _connect()
    on_gpu = any(point.curve.device.startswith("cuda") for point in points)
    cores = 1 if on_gpu else limits.threads or torch.get_num_threads()
    measure = ray.remote(num_cpus=cores, num_gpus=1 if on_gpu else 0, max_retries=2)(_measure)
    waiting = [measure.remote(point.row(), limits) for point in points]
    try:
        while waiting:
            if cancelled():
                raise Cancelled
            ready, waiting = ray.wait(waiting, timeout=_POLL_S)
            for reference in ready:
                yield result_from_row(ray.get(reference))
    finally:
        for reference in waiting:
            ray.cancel(reference, force=True)


def _connect() -> None:
    import ray

    if not ray.is_initialized():
        ray.init(
            os.environ[ADDRESS],
            runtime_env={"py_modules": [str(Path(analysis.__file__).parent)]},
            log_to_driver=False,
            logging_level="error",
        )


def _measure(row: dict[str, Any], limits: Limits) -> dict[str, Any]:
    """The task of a worker; rows travel, so that both sides need agree on JSON alone."""
    return measure_isolated(point_from_row(row), limits).row()
