"""The frames of a clip that a model is shown."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Tensor

from analysis.video.decode import decode_frames
from analysis.video.limits import VideoError
from analysis.video.preprocess import to_clip, to_pixels
from analysis.video.probe import VideoInfo, frame_index
from analysis.video.sampling import (
    Crop,
    k400_test_indices,
    k400_validation_indices,
    ssv2_test_indices,
    ssv2_validation_indices,
    uniform_indices,
)
from analysis.weights import LoadedModel, ModelPlan


@dataclass(frozen=True, eq=False)
class SampledClip:
    """A clip as one model reads it.

    pixels: uint8 (T, H, W, 3), what the model sees, after crop and resize.
    clip: float32 (3, T, H, W), the same normalised.
    frame_indices, frame_times_s: (T,) which frames of the file, and when, in seconds.
    decode_ms: reading, decoding and resizing; decoder: the one that made the pixels.
    note: one sentence about a file that is cut off, trimmed or damaged, or "".
    """

    path: str
    info: VideoInfo
    pixels: np.ndarray
    clip: Tensor
    frame_indices: tuple[int, ...]
    frame_times_s: tuple[float, ...]
    decode_ms: float
    decoder: str
    note: str

    @property
    def name(self) -> str:
        """The file's name without its folder."""
        return Path(self.path).name


def frame_rule(
    sampling: str, frame_count: int, num_frames: int, clip_index: int = 0, clips: int = 1
) -> np.ndarray:
    """Indices (num_frames,) of one clip of `clips` under the rule of a data set.

    sampling: "k400", "ssv2" (published rules; one clip is their validation rule), or "uniform"
    (first to last frame, one clip whatever is asked).

    Raises ValueError for an unknown rule.
    """
    if sampling == "uniform":
        return uniform_indices(frame_count, num_frames)
    rules = {
        "k400": (k400_validation_indices, k400_test_indices),
        "ssv2": (ssv2_validation_indices, ssv2_test_indices),
    }
    if sampling not in rules:
        raise ValueError(f"unknown sampling {sampling!r}; choose uniform, {', '.join(rules)}")
    single, several = rules[sampling]
    if clips == 1:
        return single(frame_count, num_frames)
    return several(frame_count, num_frames, clip_index, clips)


def read_clip(
    path: str | os.PathLike,
    model: LoadedModel | ModelPlan,
    *,
    start_s: float | None = None,
    end_s: float | None = None,
    crop: Crop = "center",
    clip_index: int = 0,
    clips: int = 1,
) -> SampledClip:
    """Chooses, decodes and prepares the frames of a clip for a model.

    start_s, end_s: the part of the clip to sample, in seconds; all of it by default.
    crop: "center", or 0, 1, 2 along the longer side.
    clip_index, clips: which of several samplings of the whole (multi-view testing).

    Raises VideoError, one sentence, for unusable files and for a part that holds no frame.
    """
    began = time.perf_counter()
    index = frame_index(path)
    first, last = _frames_between(path, index.times_s, start_s, end_s)
    wanted = model.config.num_frames or 1
    indices = first + frame_rule(model.card.sampling, last - first, wanted, clip_index, clips)
    preprocessing = model.preprocessing
    frames = decode_frames(path, indices, short_side=preprocessing.short_side)
    clip = to_clip(frames.pixels, preprocessing, crop)
    return SampledClip(
        path=os.fspath(path),
        info=index.info,
        pixels=to_pixels(clip, preprocessing),
        clip=clip,
        frame_indices=tuple(int(i) for i in frames.indices),
        frame_times_s=tuple(float(s) for s in frames.times_s),
        decode_ms=1e3 * (time.perf_counter() - began),
        decoder=frames.decoder,
        note=_note(index.info.note, frames.substituted),
    )


def _note(file_note: str, substituted: int) -> str:
    if not substituted:
        return file_note
    plural = "s were" if substituted > 1 else " was"
    return f"{file_note} {substituted} damaged frame{plural} replaced by a neighbour.".strip()


def _frames_between(
    path: str | os.PathLike, times_s: np.ndarray, start_s: float | None, end_s: float | None
) -> tuple[int, int]:
    """First frame and the one after the last of a part given in seconds."""
    first = 0 if start_s is None else int(np.searchsorted(times_s, start_s - 1e-6))
    last = len(times_s) if end_s is None else int(np.searchsorted(times_s, end_s - 1e-6))
    if first >= last:
        raise VideoError(
            f'"{Path(path).name}" has no frame between {start_s or 0:.3g} s and '
            f"{times_s[-1] if end_s is None else end_s:.3g} s; it runs from 0 to "
            f"{times_s[-1]:.3g} s."
        )
    return first, last
