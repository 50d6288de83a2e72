"""Where traces lie so that TensorBoard's profiler page finds them."""

import re
import time
import zipfile
from pathlib import Path

TRACE_SUFFIX = ".pt.trace.json"


def trace_path(folder: str | Path, run: str, worker: str = "scanscope") -> Path:
    """A new trace's file in a log folder: FOLDER/RUN/WORKER.NANOSECONDS.pt.trace.json.

    The pattern of `torch.profiler.tensorboard_trace_handler`, which torch-tb-profiler reads; runs
    and workers keep letters, digits and -_ of their names.
    """
    name = f"{_file_name(worker)}.{time.time_ns()}{TRACE_SUFFIX}"
    return Path(folder) / _file_name(run) / name


def zipped(traces: list[Path], target: Path) -> Path:
    """A zip file of traces under the names of their runs, to be unpacked as a log folder."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for trace in traces:
            archive.write(trace, f"{trace.parent.name}/{trace.name}")
    return target


def _file_name(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-") or "run"
