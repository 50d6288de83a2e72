"""Measuring one point in this process. The process should be fresh: see `isolated`."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace

import torch
from torch import Tensor, nn

from analysis.models import create_model
from analysis.ops.selective_scan import choose_implementation
from analysis.ops.selective_scan.dispatch import use_implementation
from analysis.profiling.sweep.point import (
    FAILED,
    MEASURED,
    OUT_OF_MEMORY,
    CostPoint,
    PointResult,
)
from analysis.tracing.peak_memory import measure_peak_memory

WARMUP_CALLS, WARMUP_S, LONGEST_WARMUP_S = 10, 1.0, 4.0
FEWEST_CALLS, MOST_CALLS = 3, 200
SEED = 0


def measure_point(point: CostPoint, timing_s: float, before_run: Callable[[], None]) -> PointResult:
    """Latency and peak memory of a freshly initialised model on random clips.

    Warms up for `WARMUP_CALLS` calls and `WARMUP_S` seconds, or `LONGEST_WARMUP_S` and one call if
    calls are slow, then times calls one by one for `timing_s` and at least `FEWEST_CALLS`; CUDA
    with events around each call, processors with the monotonic clock. The memory of one more call
    is read between warming up and timing. `before_run` is called when weights and input are there.

    Running out of memory is a result, not an error.
    """
    empty = PointResult(point, FAILED, tokens=point.tokens)
    try:
        with ExitStack() as settings:
            call, empty = _prepared(point, empty, settings)
            before_run()
            return _measured(call, empty, timing_s)
    except (torch.OutOfMemoryError, MemoryError) as error:
        return replace(empty, status=OUT_OF_MEMORY, note=_first_line(error))
    except RuntimeError as error:
        ran_out = "allocate memory" in str(error) or "out of memory" in str(error).lower()
        return replace(empty, status=OUT_OF_MEMORY if ran_out else FAILED, note=_first_line(error))
    except ValueError as error:
        return replace(empty, note=_first_line(error))


def _prepared(
    point: CostPoint, empty: PointResult, settings: ExitStack
) -> tuple[Callable[[], None], PointResult]:
    """The call to measure, and what is known before it runs."""
    curve, device = point.curve, torch.device(point.curve.device)
    torch.manual_seed(SEED)
    if curve.scans:
        settings.enter_context(use_implementation(curve.kernel))
    model = create_model(curve.model, **point.fields).to(device)
    generator = torch.Generator().manual_seed(SEED)
    clip = torch.randn(point.input_shape, generator=generator).to(device)
    call = _training_step(model, clip) if curve.pass_ == "training" else _forward(model, clip)
    if curve.dtype != "float32":
        half = getattr(torch, curve.dtype)
        settings.enter_context(torch.autocast(device.type, half))
    known = replace(
        empty,
        weights_bytes=sum(p.numel() * p.element_size() for p in model.parameters()),
        kernel_ran=choose_implementation(clip) if curve.scans else curve.kernel,
    )
    return call, known


def _forward(model: nn.Module, clip: Tensor) -> Callable[[], None]:
    model.eval()

    def forward() -> None:
        with torch.inference_mode():
            model(clip)

    return forward


def _training_step(model: nn.Module, clip: Tensor) -> Callable[[], None]:
    """Forward pass, cross entropy, backward pass. Gradients are let go after each step, so that
    the peak of a step has them in it."""
    model.train()
    labels = torch.zeros(len(clip), dtype=torch.long, device=clip.device)

    def step() -> None:
        nn.functional.cross_entropy(model(clip).float(), labels).backward()
        model.zero_grad(set_to_none=True)

    return step


def _measured(call: Callable[[], None], known: PointResult, timing_s: float) -> PointResult:
    device = torch.device(known.point.curve.device)
    warmup_calls = _warm_up(call, device)
    _, memory = measure_peak_memory(call, device)
    times: list[float] = []
    began = time.perf_counter()
    timed = _cuda_time_ms if device.type == "cuda" else _clock_time_ms
    while len(times) < MOST_CALLS and (
        len(times) < FEWEST_CALLS or time.perf_counter() - began < timing_s
    ):
        times.append(timed(call))
    return replace(
        known,
        status=MEASURED,
        times_ms=tuple(times),
        warmup_calls=warmup_calls,
        memory_bytes=memory.memory_bytes,
        memory_method=memory.method,
    )


def _warm_up(call: Callable[[], None], device: torch.device) -> int:
    """Calls until times have settled; how many it took."""
    began, calls = time.perf_counter(), 0
    while True:
        call()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        calls += 1
        spent = time.perf_counter() - began
        if (calls >= WARMUP_CALLS and spent >= WARMUP_S) or spent >= LONGEST_WARMUP_S:
            return calls


def _clock_time_ms(call: Callable[[], None]) -> float:
    began = time.perf_counter()
    call()
    return 1e3 * (time.perf_counter() - began)


def _cuda_time_ms(call: Callable[[], None]) -> float:
    first, last = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    first.record()
    call()
    last.record()
    last.synchronize()
    return first.elapsed_time(last)


def _first_line(error: BaseException) -> str:
    """What went wrong, without the stack of the C++ side."""
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__
