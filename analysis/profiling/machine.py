"""What a measurement was made on, and under which settings."""

import os
import platform
import time
from pathlib import Path
from typing import Any

import torch

from analysis.tracing.peak_memory import kernel_bytes, process_bytes

_CGROUP = Path("/sys/fs/cgroup")
_MEMORY = Path("/proc/meminfo")


def machine(device: str = "cpu", threads: int | None = None) -> dict[str, Any]:
    """Everything that could explain a number: hardware, versions, settings, load. JSON-able.

    `load_average` is of the minute before; None where the system has none.
    """
    facts: dict[str, Any] = {
        "device": device,
        "processor": _processor_name(),
        "cores": os.cpu_count(),
        "threads": threads or torch.get_num_threads(),
        "vector_extensions": torch.backends.cpu.get_cpu_capability(),
        "memory_total_bytes": kernel_bytes(_MEMORY, "MemTotal"),
        "operating_system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "float32_products": torch.get_float32_matmul_precision(),
        "memory_format": "contiguous",
        "compiled_by_torch": False,
        "seed": 0,
        "load_average": _load_average(),
        "measured_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    if torch.device(device).type == "cuda":
        facts |= _cuda_facts(torch.device(device))
    return facts


SAME_MACHINE = ("device", "processor", "threads", "torch", "gpu", "cuda", "float32_products")
"""Facts that have to agree for numbers to stand on one curve."""


def differing_facts(one: dict[str, Any], other: dict[str, Any]) -> tuple[str, ...]:
    """Those of `SAME_MACHINE` that two machines differ in."""
    return tuple(name for name in SAME_MACHINE if one.get(name) != other.get(name))


def free_memory_bytes() -> int | None:
    """What this machine, or the container it runs in, can still give; None where unknown."""
    known = [kernel_bytes(_MEMORY, "MemAvailable"), _container_free_bytes()]
    return min((number for number in known if number is not None), default=None)


def private_bytes() -> int | None:
    """What RLIMIT_DATA counts of this process; None where unknown."""
    return process_bytes("VmData")


def _cuda_facts(device: torch.device) -> dict[str, Any]:
    properties = torch.cuda.get_device_properties(device)
    facts = {
        "gpu": properties.name,
        "gpu_memory_bytes": properties.total_memory,
        "cuda": torch.version.cuda,
        "tf32_products": torch.backends.cuda.matmul.allow_tf32,
        "tf32_convolutions": torch.backends.cudnn.allow_tf32,
        "cudnn_benchmark": torch.backends.cudnn.benchmark,
    }
    for name in ("triton", "mamba_ssm"):
        try:
            facts[name] = __import__(name).__version__
        except ImportError:
            facts[name] = None
    return facts


def _processor_name() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _load_average() -> float | None:
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def _container_free_bytes() -> int | None:
    """What control groups, version 2 or 1, still allow; files that are only cached do not count."""
    version_2 = ("memory.max", "memory.current", "memory.stat", "inactive_file")
    version_1 = (
        "memory/memory.limit_in_bytes",
        "memory/memory.usage_in_bytes",
        "memory/memory.stat",
        "total_inactive_file",
    )
    for limit, held, statistics, cached in (version_2, version_1):
        try:
            allowed = (_CGROUP / limit).read_text().strip()
            lines = (_CGROUP / statistics).read_text().splitlines()
            in_cache = int(dict(line.split() for line in lines).get(cached, "0"))
            in_use = int((_CGROUP / held).read_text()) - in_cache
        except (OSError, ValueError):
            continue
        return None if allowed == "max" else max(0, int(allowed) - in_use)
    return None
