"""Everything that can only be said with a CUDA GPU at hand, in one go."""

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from analysis.models import create_model
from analysis.ops.selective_scan import available_implementations, selective_scan
from analysis.profiling.bench_scan import ScanTiming, bench_scan
from analysis.profiling.errors import ProfilingError
from analysis.profiling.sweep.summary import (
    PAPER_FRAMES,
    PAPER_IMAGE_SIZE,
    PAPER_TIMES,
    SweepSummary,
)

LENGTHS = (1, 63, 197, 1569)
INNER, STATE, BATCH = 96, 16, 2
LARGEST_ERROR = 1e-4
"""Relative to the largest value, of a float32 scan against the naive one in float64."""
LARGEST_LOGIT_ERROR = 1e-3
FORWARD_TARGET, BACKWARD_TARGET = 1.0, 0.8
"""Of the speed of mamba-ssm's kernel: what the Triton kernels are to reach."""


@dataclass(frozen=True)
class ScanCheck:
    """One implementation against the naive scan in float64, on the same device.

    Errors are the largest differences over the largest value: of the output, of the state after
    the last token, and of the gradient that is furthest off.
    """

    implementation: str
    length: int
    reverse: bool
    output_error: float
    state_error: float
    gradient_error: float

    @property
    def holds(self) -> bool:
        """Whether all three stay within `LARGEST_ERROR`; gradients sum over tokens: ten times."""
        within = max(self.output_error, self.state_error) <= LARGEST_ERROR
        return within and self.gradient_error <= 10 * LARGEST_ERROR

    def row(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self) | {"holds": self.holds}


@dataclass(frozen=True)
class Target:
    """A figure that was aimed for, and what came; None where it could not be measured."""

    name: str
    aim: float
    measured: float | None

    @property
    def reached(self) -> bool | None:
        return None if self.measured is None else self.measured >= self.aim

    def row(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self) | {"reached": self.reached}


def require_gpu() -> None:
    """Raises ProfilingError, one sentence, without a CUDA GPU that torch can use."""
    if not torch.cuda.is_available():
        raise ProfilingError(
            "torch finds no CUDA GPU here; run this on a machine that has one, with a CUDA build "
            "of torch."
        )


def check_scans(device: str, lengths: tuple[int, ...] = LENGTHS) -> list[ScanCheck]:
    """Outputs, last states and all gradients of every implementation that runs on `device`."""
    sample = torch.empty(1, INNER, 1, device=device)
    names = [name for name in available_implementations(sample) if name != "naive"]
    return [
        _check(name, length, reverse, device)
        for name in names
        for length in lengths
        for reverse in (False, True)
    ]


def logit_error(device: str) -> float:
    """The largest difference of a VideoMamba-Ti's logits on `device` from those on a processor,
    over their largest value; 4 frames of 112 pixels, random weights."""
    torch.manual_seed(0)
    model = create_model("videomamba_tiny", num_frames=4, image_size=112).eval()
    clip = torch.randn(1, 3, 4, 112, 112, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = model(clip)
        found = model.to(device)(clip.to(device)).cpu()
    return _difference(found, expected)


def scan_targets(timings: list[ScanTiming]) -> list[Target]:
    """How fast the Triton scan is, as a share of mamba-ssm's speed."""
    times = {(timing.implementation, timing.pass_): timing.median_ms for timing in timings}
    targets = []
    for pass_, aim in (("forward", FORWARD_TARGET), ("forward_backward", BACKWARD_TARGET)):
        ours, theirs = times.get(("triton", pass_)), times.get(("mamba_ssm", pass_))
        share = theirs / ours if ours and theirs else None
        targets.append(Target(f"Triton scan, {pass_}: share of mamba-ssm's speed", aim, share))
    return targets


def paper_targets(summary: SweepSummary) -> list[Target]:
    """The paper's two figures at its own size, against joint attention with stored scores."""
    at_size = [
        ratio
        for ratio in summary.ratios
        if ratio.num_frames == PAPER_FRAMES
        and ratio.image_size == PAPER_IMAGE_SIZE
        and ratio.peer.kernel == "softmax"
        and ratio.peer.model.endswith("_joint")
        and ratio.peer.pass_ == "inference"
        and "tiny" in ratio.scan.model
    ]
    names = {
        "latency_ms": "times faster than TimeSformer-Ti joint at 64 frames",
        "memory_bytes": "times less memory at 64 frames",
    }
    return [
        Target(
            name,
            PAPER_TIMES[measure],
            max((ratio.times(measure) for ratio in at_size if ratio.times(measure)), default=None),
        )
        for measure, name in names.items()
    ]


def time_scans(device: str) -> list[ScanTiming]:
    """The scan beside its peers at the size of VideoMamba-Ti with 16 frames of 224 pixels."""
    return bench_scan(device=device)


def _check(name: str, length: int, reverse: bool, device: str) -> ScanCheck:
    inputs = _inputs(length, device)
    found = _outcome(name, inputs, reverse)
    expected = _outcome("naive", [tensor.double() for tensor in inputs], reverse)
    output, state, *gradients = (
        _difference(ours, theirs) for ours, theirs in zip(found, expected, strict=True)
    )
    return ScanCheck(name, length, reverse, output, state, max(gradients))


def _inputs(length: int, device: str) -> list[Tensor]:
    """u, delta, A, B, C, D, z, delta_bias."""
    generator = torch.Generator().manual_seed(length)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    rates = -torch.arange(1, STATE + 1, dtype=torch.float32).repeat(INNER, 1)
    u, delta, z = (normal(BATCH, INNER, length) for _ in range(3))
    B, C = (normal(BATCH, STATE, length) for _ in range(2))
    tensors = (u, delta, rates, B, C, normal(INNER), z, normal(INNER))
    return [tensor.to(device) for tensor in tensors]


def _outcome(name: str, inputs: list[Tensor], reverse: bool) -> tuple[Tensor, ...]:
    """Output, last state, and the gradient of a weighted sum of outputs by every input."""
    leaves = [tensor.clone().requires_grad_() for tensor in inputs]
    output, state = selective_scan(
        *leaves,
        delta_softplus=True,
        return_last_state=True,
        reverse=reverse,
        implementation=name,
    )
    weights = torch.linspace(-1, 1, output.numel(), device=output.device, dtype=output.dtype)
    gradients = torch.autograd.grad((output * weights.view_as(output)).sum(), leaves)
    return output.detach(), state.detach(), *gradients


def _difference(found: Tensor, expected: Tensor) -> float:
    largest = expected.abs().max().clamp_min(1e-12)
    return ((found.double() - expected.double()).abs().max() / largest).item()
