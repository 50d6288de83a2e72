"""Profiles passes of one model on one clip, region by region."""

import copy
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile, schedule

from analysis.ops.region import region
from analysis.ops.selective_scan import choose_implementation
from analysis.ops.two_way import direction_by_direction
from analysis.profiling.errors import ProfilingError
from analysis.profiling.machine import machine
from analysis.profiling.run_profile.assignment import LOSS, OPTIMIZER, assign_regions
from analysis.profiling.run_profile.tables import (
    OperatorCost,
    RegionCost,
    operator_costs,
    region_costs,
)
from analysis.profiling.run_profile.timeline import (
    FlameSpan,
    MemoryPoint,
    flame_spans,
    memory_timeline,
    typical_step,
)
from analysis.profiling.run_profile.trace import Trace, read_trace

CPU_MEMORY = "allocations of PyTorch on the processor, above those at the start of the step"
CUDA_MEMORY = "allocations of PyTorch on the GPU, above those at the start of the step"

# Or the profiler's library writes two lines to standard error in every run.
os.environ.setdefault("KINETO_LOG_LEVEL", "99")


@dataclass(frozen=True, eq=False)
class PassProfile:
    """What passes over a clip spent their time and memory on.

    training: whether a step is forward, loss, backward and update, or an inference pass.
    fused_directions: whether both directions' scans ran in one kernel (region "scan").
    kernel: implementation of the selective scan for tensors of this kind.
    step_ms: durations of the profiled steps. plain_step_ms: median of as many steps just before,
    without a profiler; the difference is what profiling itself costs.
    regions, operators, spans, memory: of the typical step, the one whose duration is the median.
    memory_method: what counted as memory. machine: hardware, versions and settings.
    trace_file: where the trace was written, None when it was not asked for.
    """

    batch: int
    training: bool
    fused_directions: bool
    kernel: str
    dtype: str
    step_ms: tuple[float, ...]
    typical_step_ms: float
    plain_step_ms: float
    regions: tuple[RegionCost, ...]
    operators: tuple[OperatorCost, ...]
    spans: tuple[FlameSpan, ...]
    memory: tuple[MemoryPoint, ...]
    memory_method: str
    machine: dict
    trace_file: Path | None = None

    @property
    def peak_bytes(self) -> int:
        """Most memory held at one moment of the typical step, above its start."""
        return max(point.held_bytes for point in self.memory)

    def row(self) -> dict:
        """As JSON: everything but the flame view and the memory timeline, which the trace has."""
        return {
            "training": self.training,
            "fused_directions": self.fused_directions,
            "kernel": self.kernel,
            "dtype": self.dtype,
            "batch": self.batch,
            "step_ms": list(self.step_ms),
            "typical_step_ms": self.typical_step_ms,
            "plain_step_ms": self.plain_step_ms,
            "peak_bytes": self.peak_bytes,
            "memory_method": self.memory_method,
            "regions": [cost.row() for cost in self.regions],
            "operators": [cost.row() for cost in self.operators],
            "machine": self.machine,
            "trace_file": None if self.trace_file is None else str(self.trace_file),
        }


def profile_pass(
    model: nn.Module,
    clip: Tensor,
    *,
    training: bool = False,
    steps: int = 3,
    warmup: int = 2,
    by_direction: bool = False,
    trace_file: str | os.PathLike | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> PassProfile:
    """Runs `model` on `clip` and says where time and memory went.

    clip: (B, C, T, H, W) or one clip (C, T, H, W), with images for image models, on any device.
    training: steps of AdamW towards class 0 on a copy of the model; the time does not depend on
    the class. by_direction: scans one direction after the other where one kernel would run both.
    `warmup` steps are thrown away, `steps` are timed plainly, one warms the profiler up, and
    `steps` are profiled. The trace is written to `trace_file` as a whole or not at all.
    progress(done, all) is called after each step; what it raises ends the run.

    The model is left as it was found. Raises ProfilingError, one sentence, for a clip that does
    not fit, a model that is no classifier, and numbers of steps below 1.
    """
    if steps < 1 or warmup < 1:
        raise ProfilingError(f"steps and warmup have to be 1 or more, got {steps} and {warmup}")
    device = next(model.parameters()).device
    batch = _batched(model, clip).to(device, _dtype(model))
    with ExitStack() as stack:
        stack.enter_context(direction_by_direction() if by_direction else nullcontext())
        step = stack.enter_context(
            _training_step(model, batch) if training else _pass(model, batch)
        )
        with tempfile.TemporaryDirectory() as folder:
            target = Path(trace_file or Path(folder) / "trace.json")
            plain_ms = _run(step, device, steps, warmup, target, progress)
            trace = read_trace(target)
    assign_regions(trace)
    return _summary(model, batch, trace, training, plain_ms, target if trace_file else None)


def _run(
    step: Callable[[], None],
    device: torch.device,
    steps: int,
    warmup: int,
    target: Path,
    progress: Callable[[int, int], None] | None,
) -> float:
    """Runs all steps and writes the trace; gives the median of the plain ones, in ms."""
    activities = [ProfilerActivity.CPU]
    if device.type == "cuda":
        activities.append(ProfilerActivity.CUDA)
    before, plain_ms = warmup + steps, []
    # No `record_shapes`: its notes lie between tensors in the heap, every large tensor then needs
    # fresh pages, and a pass takes twice its time.
    with profile(
        activities=activities,
        schedule=schedule(wait=before, warmup=1, active=steps, repeat=1),
        profile_memory=True,
    ) as profiler:
        for number in range(before + 1 + steps):
            began = time.perf_counter()
            step()
            _wait(device)
            if warmup <= number < before:
                plain_ms.append(1e3 * (time.perf_counter() - began))
            profiler.step()
            if progress is not None:
                progress(number + 1, before + 1 + steps)
    _write_trace(profiler, target)
    return statistics.median(plain_ms)


def _write_trace(profiler: profile, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.json")
    try:
        profiler.export_chrome_trace(str(temporary))
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def _summary(
    model: nn.Module,
    batch: Tensor,
    trace: Trace,
    training: bool,
    plain_ms: float,
    trace_file: Path | None,
) -> PassProfile:
    typical = typical_step(trace)
    regions = region_costs(trace, typical)
    return PassProfile(
        batch=len(batch),
        training=training,
        fused_directions=any(cost.region == "scan" for cost in regions),
        kernel=choose_implementation(batch),
        dtype=str(batch.dtype).removeprefix("torch."),
        step_ms=tuple(step.duration_us / 1e3 for step in trace.steps),
        typical_step_ms=trace.steps[typical].duration_us / 1e3,
        plain_step_ms=plain_ms,
        regions=regions,
        operators=operator_costs(trace, typical),
        spans=flame_spans(trace, typical),
        memory=memory_timeline(trace, typical),
        memory_method=CUDA_MEMORY if batch.is_cuda else CPU_MEMORY,
        machine=machine(str(batch.device)),
        trace_file=trace_file,
    )


@contextmanager
def _pass(model: nn.Module, batch: Tensor) -> Iterator[Callable[[], None]]:
    """One inference pass, in evaluation mode; every module's mode is put back at the end."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()

    def step() -> None:
        with torch.inference_mode():
            _logits(model, batch)

    try:
        yield step
    finally:
        for module, mode in modes:
            module.training = mode


@contextmanager
def _training_step(model: nn.Module, batch: Tensor) -> Iterator[Callable[[], None]]:
    """Forward, loss, backward and update of a copy, whose weights nobody sees again."""
    trained = copy.deepcopy(model).train().requires_grad_()
    optimizer = torch.optim.AdamW(trained.parameters(), lr=1e-4)
    target = torch.zeros(len(batch), dtype=torch.long, device=batch.device)

    def step() -> None:
        logits = _logits(trained, batch)
        with region(LOSS):
            loss = F.cross_entropy(logits.float(), target)
        loss.backward()
        with region(OPTIMIZER):
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

    yield step


def _logits(model: nn.Module, batch: Tensor) -> Tensor:
    try:
        logits = model(batch)
    except (ValueError, TypeError) as error:
        raise ProfilingError(f"the model can't read this clip: {error}") from error
    if not isinstance(logits, Tensor) or logits.dim() != 2 or len(logits) != len(batch):
        raise ProfilingError(
            f"only classifiers are profiled, and {type(model).__name__} does not answer a clip "
            "with a row of scores"
        )
    return logits


def _batched(model: nn.Module, clip: Tensor) -> Tensor:
    """With a batch axis; of a clip for an image model, its first frame."""
    image_model = getattr(model.config, "num_frames", None) is None
    if image_model and clip.dim() == 4 and clip.shape[1] == 1:
        clip = clip[:, 0]
    return clip[None] if clip.dim() == (3 if image_model else 4) else clip


def _dtype(model: nn.Module) -> torch.dtype:
    return next(model.parameters()).dtype


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
