"""A forward pass with its matrix products in float32, bfloat16 and 8-bit integers."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial

import torch
from torch import Tensor, nn

from analysis.layers.int8_products import with_int8_products
from analysis.models import create_model
from analysis.tracing.interleaved import interleaved_timings

PRECISIONS = ("float32", "bfloat16", "int8")


@dataclass(frozen=True)
class PrecisionTiming:
    """One precision of the products, timed in turn with the others in one process.

    times_faster: than float32. logit_error: the largest difference of the logits from float32's,
    over their largest value, for random weights and a random clip.
    """

    precision: str
    model: str
    num_frames: int
    image_size: int
    threads: int
    median_ms: float
    times_faster: float
    logit_error: float
    rounds: int

    def row(self) -> dict:
        """As JSON."""
        return asdict(self)


def bench_precision(
    name: str = "videomamba_tiny",
    *,
    num_frames: int = 16,
    image_size: int = 224,
    rounds: int = 7,
) -> list[PrecisionTiming]:
    """Times one clip through a freshly initialised model on the processor."""
    torch.manual_seed(0)
    model = create_model(name, num_frames=num_frames, image_size=image_size).eval()
    shape = (1, 3, num_frames, image_size, image_size)
    clip = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    models = {precision: in_precision(model, precision) for precision in PRECISIONS}
    calls: dict[str, Callable[[], object]] = {
        precision: partial(timed, clip) for precision, timed in models.items()
    }
    with torch.inference_mode():
        timings = interleaved_timings(calls, rounds=rounds)
        logits = {precision: timed(clip) for precision, timed in models.items()}
    return [
        PrecisionTiming(
            precision=precision,
            model=name,
            num_frames=num_frames,
            image_size=image_size,
            threads=torch.get_num_threads(),
            median_ms=timings[precision].median_ms,
            times_faster=timings["float32"].median_ms / timings[precision].median_ms,
            logit_error=_difference(logits[precision], logits["float32"]),
            rounds=rounds,
        )
        for precision in PRECISIONS
    ]


def in_precision(model: nn.Module, precision: str) -> nn.Module:
    """A model of the same weights with its products in a precision, for inference on a processor.

    "bfloat16" is autocast. The given model stays as it is. Raises ValueError for an unknown name.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"unknown precision {precision!r}; choose {', '.join(PRECISIONS)}")
    if precision == "int8":
        return with_int8_products(model)
    return _Autocast(model) if precision == "bfloat16" else model


class _Autocast(nn.Module):
    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, clip: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            return self.model(clip).float()


def _difference(found: Tensor, expected: Tensor) -> float:
    return ((found - expected).abs().max() / expected.abs().max()).item()
