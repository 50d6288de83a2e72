"""Points of a sweep on the machines of a Ray cluster, each still in a fresh process of its own."""

from collections.abc import Callable, Iterator
from typing import Any

import torch

from analysis.profiling.errors import ProfilingError
from analysis.profiling.sweep.isolated import Cancelled, Limits, measure_isolated
from analysis.profiling.sweep.point import CostPoint, PointResult, point_from_row, result_from_row
from analysis.profiling.sweep.run import Execute, in_process
from analysis.ray_cluster import RayMissingError, connect, is_asked_for

_POLL_S = 0.2


def chosen_execution() -> Execute:
    """On Ray where the environment variable RAY_ADDRESS names a cluster ("local" starts one here),
    otherwise in process. Raises ProfilingError where it does and Ray is not installed."""
    try:
        return on_ray if is_asked_for() else in_process
    except RayMissingError as error:
        raise ProfilingError(str(error)) from error


def on_ray(
    points: list[CostPoint], limits: Limits, cancelled: Callable[[], bool]
) -> Iterator[PointResult]:
    """Results as they come in. A point takes a whole GPU, or as many cores as it has threads.

    Machines of a cluster should be alike: their results stand on one curve.
    """
    import ray

    connect()
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


def _measure(row: dict[str, Any], limits: Limits) -> dict[str, Any]:
    """The task of a worker; rows travel, so that both sides need agree on JSON alone."""
    return measure_isolated(point_from_row(row), limits).row()
