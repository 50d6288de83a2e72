"""What a masked pass saves: tokens, time and memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from analysis.masking.strategies import draw_masks
from analysis.models.videomamba import VideoMamba
from analysis.tracing.interleaved import interleaved_timings
from analysis.tracing.peak_memory import measure_peak_memory


@dataclass(frozen=True)
class MaskCost:
    """One masked pass beside the unmasked one.

    ratio: asked for; real_ratio: share of patches hidden; tokens: that are left, with CLS.
    latency_ms: median of one pass; relative_latency: over that of the unmasked pass run in turn.
    memory_bytes: peak above weights and clip, None where the system does not tell;
        memory_method: how it was read.
    """

    ratio: float
    real_ratio: float
    tokens: int
    latency_ms: float
    relative_latency: float
    memory_bytes: int | None
    memory_method: str


def mask_costs(
    model: VideoMamba,
    clip: Tensor,
    ratios: Sequence[float],
    generator: torch.Generator,
    rounds: int = 5,
) -> Iterator[MaskCost]:
    """Costs of a pass over a clip (C, T, H, W) without random tokens, ratio by ratio.

    Only their number matters to the cost, so one strategy stands for all. The embedding is part of
    the pass and sees all pixels. Raises ValueError, one sentence, for impossible ratios.
    """
    whole = partial(_run, model, clip[None], None)
    for ratio in ratios:
        mask = draw_masks("random", model.token_grid, ratio, 1, generator).to(clip.device)
        masked = partial(_run, model, clip[None], mask)
        _, memory = measure_peak_memory(masked, clip.device)
        times = interleaved_timings({"whole": whole, "masked": masked}, rounds=rounds)
        latency_ms = times["masked"].median_ms
        hidden = int(mask.sum())
        yield MaskCost(
            ratio,
            hidden / model.token_grid.patches,
            model.token_grid.length - hidden,
            latency_ms,
            latency_ms / times["whole"].median_ms,
            memory.memory_bytes,
            memory.method,
        )


@torch.inference_mode()
def _run(model: VideoMamba, batch: Tensor, mask: Tensor | None) -> Tensor:
    return model(batch, mask)
