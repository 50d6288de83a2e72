"""One forward pass of a model with adaptors, and what entered each of its layers."""

from contextlib import ExitStack
from dataclasses import dataclass

import torch
from torch import Tensor

from analysis.models.mamba_adaptor import AdaptedVideoMamba
from analysis.tracing.recorder import (
    LayerRecord,
    Recording,
    batched,
    evaluation_mode,
    layer_hooks,
)


@dataclass(frozen=True, eq=False)
class RecordedPass:
    """records: a layer each, from the first to the last. logits: (num_classes,)."""

    records: tuple[LayerRecord, ...]
    logits: Tensor


@torch.no_grad()
def record_adapted(model: AdaptedVideoMamba, clip: Tensor) -> RecordedPass:
    """Runs a clip (C, T, H, W) through a model, which is left as it was.

    `analysis.tracing` follows scans alone; what it notes of a layer is all that is needed here.
    """
    recording, numbers = Recording(model), range(len(model.layers))
    with ExitStack() as stack:
        stack.callback(recording.clear)
        stack.enter_context(evaluation_mode(model))
        for handle in layer_hooks(model, numbers, recording):
            stack.callback(handle.remove)
        logits = model(batched(model, clip))[0]
        return RecordedPass(recording.records(numbers), logits)
