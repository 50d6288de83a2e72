"""MoMa's two stages beside other ways to look at a clip, over growing numbers of frames."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch
from torch import Tensor, nn

from analysis.layers.windowed_attention import WindowedAttention
from analysis.models import create_model, list_models
from analysis.models.moma import Moma
from analysis.ops.selective_scan import choose_implementation
from analysis.profiling.errors import ProfilingError
from analysis.tracing.interleaved import interleaved_timings

STAGES = {
    "modulate": "MoMa's scans and SeqMod",
    "divide": "MoMa's windows",
    "frames": "attention within frames",
    "space_time": "attention along time, then within frames",
    "full": "attention over the whole clip",
}
"""What one layer may do with the tokens of a clip, by name."""


@dataclass(frozen=True)
class StageTiming:
    """One stage of one layer at one number of frames.

    tokens: T * h * w. slope: the exponent with which the stage's medians grow over all numbers of
    frames (1: in step with them), the same in all rows of a stage. kernel: of the scan.
    """

    model: str
    stage: str
    num_frames: int
    tokens: int
    median_ms: float
    slope: float
    kernel: str
    threads: int
    runs: int

    def row(self) -> dict:
        """As JSON."""
        return asdict(self)


@torch.inference_mode()
def bench_modulation(
    name: str = "moma_b16",
    *,
    frames: Sequence[int] = (2, 4, 8, 16),
    image_size: int = 224,
    rounds: int = 7,
    device: str = "cpu",
) -> tuple[StageTiming, ...]:
    """Times all stages at all numbers of frames in turn, on random tokens.

    Weights are random (time does not depend on them). Every attention uses the weights of the
    model's first layer, projections included, and PyTorch's own kernel; split space-time uses them
    twice, as AIM does. Raises ProfilingError, one sentence, for a model that is no MoMa and sizes
    it can't have.
    """
    if name not in list_models("moma"):
        known = ", ".join(list_models("moma"))
        raise ProfilingError(f"{name} is no MoMa; choose one of {known}")
    frames = tuple(sorted(set(frames)))
    if len(frames) < 2 or frames[0] < 1:
        raise ProfilingError("growth needs two numbers of frames or more, of at least 1 each")
    try:
        model = create_model(name, image_size=image_size).eval().to(device)
    except ValueError as error:
        raise ProfilingError(str(error)) from error
    grid, generator = model.token_grid, torch.Generator().manual_seed(0)
    calls: dict[tuple[str, int], Callable[[], object]] = {}
    for count in frames:
        shape = (1, count, grid.h, grid.w, model.config.width)
        tokens = torch.randn(shape, generator=generator).to(device)
        calls |= {(stage, count): call for stage, call in _stages(model, tokens).items()}
    timings = interleaved_timings(calls, rounds=rounds)
    slopes = {
        stage: _slope(frames, [timings[stage, n].median_ms for n in frames]) for stage in STAGES
    }
    return tuple(
        StageTiming(
            model=name,
            stage=stage,
            num_frames=count,
            tokens=count * grid.h * grid.w,
            median_ms=timings[stage, count].median_ms,
            slope=slopes[stage],
            kernel=choose_implementation(tokens),
            threads=torch.get_num_threads(),
            runs=timings[stage, count].runs,
        )
        for stage in STAGES
        for count in frames
    )


def _stages(model: Moma, tokens: Tensor) -> dict[str, Callable[[], object]]:
    """A call for each of `STAGES` on tokens (1, T, h, w, D)."""
    attn: nn.MultiheadAttention = model.tower.transformer.resblocks[0].attn
    sides = tuple(tokens.shape[1:4])
    along, within, whole = (WindowedAttention(window) for window in ((sides[0], 1, 1), None, sides))
    return {
        "modulate": lambda: model.modulators[0](tokens),
        "divide": lambda: model.divide(attn, tokens),
        "frames": lambda: within(attn, tokens),
        "space_time": lambda: within(attn, along(attn, tokens)[0]),
        "full": lambda: whole(attn, tokens),
    }


def _slope(frames: Sequence[int], medians_ms: Sequence[float]) -> float:
    """Least squares on logarithms."""
    return float(np.polyfit(np.log(frames), np.log(medians_ms), 1)[0])
