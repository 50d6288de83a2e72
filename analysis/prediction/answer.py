"""One answer of one model: labels with probabilities, and what the run cost."""

import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from analysis.ops.selective_scan import choose_implementation
from analysis.prediction.relation import Relation, relation, scan_order_of
from analysis.prediction.sampled_clip import SampledClip, read_clip
from analysis.tracing.peak_memory import measure_peak_memory
from analysis.video.sampling import View
from analysis.weights import LoadedModel


@dataclass(frozen=True)
class LabelProbability:
    """A class and the probability a model gives it, 0 to 1."""

    label: str
    probability: float


@dataclass(frozen=True)
class Prediction:
    """What a model says about a clip.

    clip: file name; model: name of the weights; training: as in `WeightsCard`.
    scan_order: "fixed" of models that leave none to choose. relation: whether the weights ran in
        the scan order they were trained in.
    predictions: most probable first.
    frame_indices, frame_times_s: frames of the file the model saw, of the first view.
    latency_ms: forward passes of all views, decoding apart; decode_ms: reading and resizing.
    memory_bytes: peak above weights and input, None where the system does not tell.
    kernel: implementation of the selective scan that ran.
    views: number of clips x crops whose probabilities were averaged.
    note: what is to be known about the file, one sentence or "".
    """

    clip: str
    model: str
    training: str
    scan_order: str
    relation: Relation
    num_frames: int
    image_size: int | tuple[int, int]
    predictions: tuple[LabelProbability, ...]
    frame_indices: tuple[int, ...]
    frame_times_s: tuple[float, ...]
    latency_ms: float
    decode_ms: float
    memory_bytes: int | None
    kernel: str
    device: str
    views: int = 1
    note: str = ""


def predict_clip(loaded: LoadedModel, sampled: SampledClip, *, top: int = 5) -> Prediction:
    """The answer about one sampled clip: one forward pass, the `top` most probable classes."""
    return _prediction(loaded, [sampled], top)


def predict_views(
    loaded: LoadedModel, path: str | os.PathLike, views: Sequence[View], *, top: int = 5
) -> Prediction:
    """The published test protocol: probabilities averaged over clips x crops of one file.

    `views` come from `analysis.video.sampling.multi_view`. Raises VideoError as `read_clip`.
    """
    if not views:
        raise ValueError("predict_views needs at least one view, got none")
    clips = 1 + max(view.clip_index for view in views)
    read = (
        read_clip(path, loaded, crop=view.crop, clip_index=view.clip_index, clips=clips)
        for view in views
    )
    return _prediction(loaded, read, top)


def rank_labels(
    probabilities: Tensor, labels: Sequence[str], top: int | None = None
) -> tuple[LabelProbability, ...]:
    """Classes by falling probability (classes,); ties keep the order of the classes."""
    values, indices = probabilities.sort(descending=True, stable=True)
    pairs = zip(indices.tolist()[:top], values.tolist()[:top], strict=True)
    return tuple(LabelProbability(labels[index], value) for index, value in pairs)


def _prediction(loaded: LoadedModel, sampled: Iterable[SampledClip], top: int) -> Prediction:
    if top < 1:
        raise ValueError(f"top must be 1 or more, got {top}")
    total, first, views, latency_ms, decode_ms, peaks = 0, None, 0, 0.0, 0.0, []
    for view in sampled:
        (probabilities, view_ms), memory = measure_peak_memory(
            lambda view=view: _class_probabilities(loaded, view.clip), _device(loaded)
        )
        total = total + probabilities
        first = first or view
        views += 1
        latency_ms += view_ms
        decode_ms += view.decode_ms
        peaks.append(memory.memory_bytes)
    card, config = loaded.card, loaded.model.config
    scan_order = scan_order_of(loaded.model)
    return Prediction(
        clip=first.name,
        model=card.name,
        training=card.training,
        scan_order=scan_order,
        relation=relation(card.training, scan_order, card.scan_order),
        num_frames=config.num_frames or 1,
        image_size=config.image_size,
        predictions=rank_labels(total / views, loaded.labels, top),
        frame_indices=first.frame_indices,
        frame_times_s=first.frame_times_s,
        latency_ms=latency_ms,
        decode_ms=decode_ms,
        memory_bytes=None if None in peaks else max(peaks),
        kernel=choose_implementation(next(loaded.model.parameters())),
        device=str(_device(loaded)),
        views=views,
        note=first.note,
    )


@torch.inference_mode()
def _class_probabilities(loaded: LoadedModel, clip: Tensor) -> tuple[Tensor, float]:
    """Softmax over the classes, and the milliseconds of the forward pass."""
    device = _device(loaded)
    batch = clip[None].to(device)
    if loaded.model.config.num_frames is None:
        batch = batch[:, :, 0]
    _wait(device)
    began = time.perf_counter()
    logits = loaded.model(batch)
    _wait(device)
    latency_ms = 1e3 * (time.perf_counter() - began)
    return logits[0].float().softmax(-1).cpu(), latency_ms


def _device(loaded: LoadedModel) -> torch.device:
    return next(loaded.model.parameters()).device


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
