"""Runs of one model over one clip, order by order: answer, time and memory of each."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from analysis.models.videomamba import VideoMamba
from analysis.tracing.decay_rate import recorded_decay_rate
from analysis.tracing.peak_memory import PeakMemory, measure_peak_memory


@dataclass(frozen=True)
class OrderRun:
    """Measurements in one scan order, batch 1.

    `probabilities` (classes,) on the CPU; `latencies_ms` one value per timed run, and
    `reference_latencies_ms` those of the reference order timed in turn with them.
    """

    probabilities: Tensor
    latencies_ms: tuple[float, ...]
    reference_latencies_ms: tuple[float, ...]
    memory: PeakMemory


@contextmanager
def scan_order_set(model: VideoMamba, scan_order: str) -> Iterator[None]:
    """The model in another scan order inside the block, in its own again after it."""
    own = model.scan_order
    try:
        model.set_scan_order(scan_order)
        yield
    finally:
        model.set_scan_order(own)


class OrderRuns:
    """Measures a model in several scan orders against one reference order.

    The reference order is run twice on creation: once to warm up, when the decay rate is
    recorded too, and once for the answer, time and memory that others are compared with. A model
    whose single run outlasts `budget_s` is run once per order; otherwise every order gets one run
    for answer and memory, then up to `repeats` pairs (order, reference) while the budget lasts.
    `clip` is (3, T, H, W), one frame for an image model.
    """

    def __init__(
        self, model: VideoMamba, clip: Tensor, reference_order: str, repeats: int, budget_s: float
    ):
        self.model = model
        self.device = next(model.parameters()).device
        batch = clip[None].to(self.device)
        self.batch = batch[:, :, 0] if model.config.num_frames is None else batch
        self.reference_order = reference_order
        self.repeats = repeats
        self.budget_s = budget_s
        self.decay_rate = self._warm_up()
        self.reference = self._single_run(reference_order)

    @property
    def outlasts_budget(self) -> bool:
        return self.reference.latencies_ms[0] > 1e3 * self.budget_s

    def measure(self, scan_order: str) -> OrderRun:
        is_reference = scan_order == self.reference_order
        first = self.reference if is_reference else self._single_run(scan_order)
        if self.outlasts_budget:
            return replace(first, reference_latencies_ms=self.reference.latencies_ms)
        own_ms, reference_ms = self._timed_in_turn(scan_order)
        return replace(first, latencies_ms=own_ms, reference_latencies_ms=reference_ms)

    def _warm_up(self) -> float:
        with (
            scan_order_set(self.model, self.reference_order),
            recorded_decay_rate(self.model) as rate,
        ):
            self._timed_pass()
        return rate.per_token

    def _single_run(self, scan_order: str) -> OrderRun:
        with scan_order_set(self.model, scan_order):
            (logits, latency_ms), memory = measure_peak_memory(self._timed_pass, self.device)
        probabilities = logits[0].float().softmax(-1).cpu()
        return OrderRun(probabilities, (latency_ms,), (latency_ms,), memory)

    def _timed_in_turn(self, scan_order: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
        own_ms, reference_ms = [], []
        began = time.perf_counter()
        while len(own_ms) < self.repeats:
            with scan_order_set(self.model, scan_order):
                own_ms.append(self._timed_pass()[1])
            if scan_order != self.reference_order:
                with scan_order_set(self.model, self.reference_order):
                    reference_ms.append(self._timed_pass()[1])
            if time.perf_counter() - began > self.budget_s:
                break
        return tuple(own_ms), tuple(reference_ms or own_ms)

    @torch.inference_mode()
    def _timed_pass(self) -> tuple[Tensor, float]:
        """Logits (1, classes) and the time of the pass in milliseconds."""
        self._wait()
        began = time.perf_counter()
        logits = self.model(self.batch)
        self._wait()
        return logits, 1e3 * (time.perf_counter() - began)

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
