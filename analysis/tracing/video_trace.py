"""What the vision encoder of a video-text model makes of one clip, up to what texts meet."""

from contextlib import ExitStack
from dataclasses import dataclass

import torch
from torch import Tensor

from analysis.layers.token_grid import TokenGrid
from analysis.models.retrieval_vision import RetrievalVision
from analysis.tracing.recorder import (
    LayerRecord,
    Recording,
    check_precision,
    evaluation_mode,
    layer_hooks,
    note_hook,
)


@dataclass(frozen=True, eq=False)
class VideoTrace:
    """One forward pass on one clip; tensors on the CPU, in the model's dtype.

    last: what hooks saw of the last layer. final_residual, final_tokens: (L, D) before and after
    the final norm, CLS first. gathered, pooled: (P, D) what stands for the clip, before and after
    its own norm; one vector a time step, one in all, or two.
    """

    last: LayerRecord
    final_residual: Tensor
    final_tokens: Tensor
    gathered: Tensor
    pooled: Tensor

    @property
    def grid(self) -> TokenGrid:
        """Where the tokens stand: a single time step for an image."""
        return self.last.grid


def record_video(model: RetrievalVision, clip: Tensor) -> VideoTrace:
    """The trace of one forward pass without gradients; the model is left as it was.

    clip: (C, T, H, W), T = 1 for an image. Raises ValueError for clips of another size than the
    model's and for a model in half precision, where sums of parts do not close.
    """
    check_precision(model)
    recording, number = Recording(model), len(model.layers) - 1
    with ExitStack() as stack:
        stack.enter_context(evaluation_mode(model))
        for handle in (
            *layer_hooks(model, [number], recording),
            note_hook(model.norm, "norm", recording),
            note_hook(model.pool_norm, "pool", recording),
        ):
            stack.callback(handle.remove)
        with torch.no_grad():
            model(clip[None])
    (last,) = recording.records([number])
    return VideoTrace(last, *recording.noted("norm"), *recording.noted("pool"))
