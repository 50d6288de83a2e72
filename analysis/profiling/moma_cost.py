"""MoMa's arithmetic as its paper compares it: multiply-adds of one frame."""

from typing import Any

from analysis.models import model_config
from analysis.profiling.flops import model_arithmetic


def moma_frame_cost(architecture: str, **overrides: Any) -> float:
    """Multiply-adds of a MoMa for one of its frames, without the read-out.

    Every product of matrices counts, of a scan 3 for each token, channel and state: decay, input
    and output. (`model_arithmetic` counts 9 operations there, in line with VideoMamba's.) What this
    literature prints as GFLOPs are such multiply-adds of all frames of all views together.

    Raises ProfilingError as `model_arithmetic`.
    """
    arithmetic = model_arithmetic(architecture, **overrides)
    config = model_config(architecture, **overrides)
    paths = sum(map(len, config.layer_paths))
    scans = paths * 3 * config.token_grid.patches * config.inner * config.state_size
    products = sum(part.counted for part in arithmetic.parts if part.part != "head")
    return (products + scans) / config.num_frames
