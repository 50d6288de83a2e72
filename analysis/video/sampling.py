"""Which frames of a clip a model is shown: the published rules, and windows over long clips.

Every rule takes the number of frames in the clip and the number the model wants, and gives int64
indices of shape (num_frames,), non-decreasing and within the clip; frames repeat where the clip
is shorter. Rounding is to the nearest whole frame, halves to the even one, as NumPy rounds.
Sources are the data sets' loaders in the published VideoMamba code.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

Crop = Literal["center", 0, 1, 2]


@dataclass(frozen=True)
class View:
    """One of the views whose scores are averaged: which clip in time, which crop in space."""

    clip_index: int
    crop: Crop


@dataclass(frozen=True)
class Window:
    """Frames start to stop - 1 of a clip."""

    start: int
    stop: int


def k400_test_indices(
    frame_count: int, num_frames: int, clip_index: int = 0, clips: int = 4
) -> np.ndarray:
    """Sparse test rule of Kinetics-400, Breakfast and COIN.

    With segments of (frame_count - 1) / num_frames frames, each begins at its rounded start and
    is shifted by (clip_index + 1) parts of clips + 1. Published: 4 clips, COIN 10.
    """
    _check(frame_count, num_frames)
    _check_clip(clip_index, clips)
    segment = (frame_count - 1) / num_frames
    shift = int(segment / (clips + 1) * (clip_index + 1))
    starts = np.round(segment * np.arange(num_frames)).astype(np.int64)
    return np.minimum(starts + shift, frame_count - 1)


def k400_validation_indices(frame_count: int, num_frames: int) -> np.ndarray:
    """The Kinetics-400 rule with its one clip in the middle of each segment."""
    return k400_test_indices(frame_count, num_frames, clip_index=0, clips=1)


def k400_train_indices(
    frame_count: int, num_frames: int, generator: np.random.Generator
) -> np.ndarray:
    """The Kinetics-400 training rule: one uniformly random frame per segment, ends included."""
    _check(frame_count, num_frames)
    segment = (frame_count - 1) / num_frames
    edges = np.round(segment * np.arange(num_frames + 1)).astype(np.int64)
    return generator.integers(edges[:-1], edges[1:], endpoint=True)


def ssv2_test_indices(
    frame_count: int, num_frames: int, clip_index: int = 0, clips: int = 2
) -> np.ndarray:
    """Test rule of Something-Something V2.

    The pool holds the start and the middle of each segment of frame_count / num_frames frames,
    without repeats, filled up with its last entry; a clip takes every clips-th entry. With two
    clips (published) and a long enough video these are the starts and the middles.
    """
    _check(frame_count, num_frames)
    _check_clip(clip_index, clips)
    if clips < 2:
        raise ValueError("The SSV2 test rule has 2 clips or more; for one use the validation rule.")
    tick = frame_count / num_frames
    segments = np.arange(num_frames)
    halves = [(tick * segments).astype(np.int64), (tick / 2 + tick * segments).astype(np.int64)]
    pool = np.unique(np.concatenate(halves))
    missing = max(0, num_frames * clips - len(pool))
    return np.pad(pool, (0, missing), mode="edge")[clip_index::clips]


def ssv2_validation_indices(frame_count: int, num_frames: int) -> np.ndarray:
    """The Something-Something V2 rule for one clip: the middle of each segment."""
    _check(frame_count, num_frames)
    tick = frame_count / num_frames
    return (tick / 2 + tick * np.arange(num_frames)).astype(np.int64)


def demo_indices(frame_count: int, num_frames: int) -> np.ndarray:
    """The rule of the authors' public demo: rounded segment starts, half a segment later."""
    _check(frame_count, num_frames)
    segment = (frame_count - 1) / num_frames
    return int(segment / 2) + np.round(segment * np.arange(num_frames)).astype(np.int64)


def retrieval_middle_indices(frame_count: int, num_frames: int) -> np.ndarray:
    """The "middle" rule of the text-video retrieval model: the middle of equal intervals.

    A clip with fewer frames gives all of them, then its last one again and again.
    """
    _check(frame_count, num_frames)
    intervals = min(frame_count, num_frames)
    edges = np.linspace(0, frame_count, intervals + 1).astype(np.int64)
    middles = (edges[:-1] + edges[1:] - 1) // 2
    return np.pad(middles, (0, num_frames - intervals), mode="edge")


def uniform_indices(frame_count: int, num_frames: int) -> np.ndarray:
    """Evenly spaced from the first frame to the last, both included; one frame is the first."""
    _check(frame_count, num_frames)
    return np.round(np.linspace(0, frame_count - 1, num_frames)).astype(np.int64)


def multi_view(clips: int, crops: Literal[1, 3] = 3) -> tuple[View, ...]:
    """All views of a video, clip after clip: three crops each, or the centre crop alone."""
    if clips < 1 or crops not in (1, 3):
        raise ValueError(f"Got {clips} clips x {crops} crops; use 1 clip or more and 1 or 3 crops.")
    kinds: tuple[Crop, ...] = ("center",) if crops == 1 else (0, 1, 2)
    return tuple(View(clip_index, crop) for clip_index in range(clips) for crop in kinds)


def dense_windows(frame_count: int, window: int, stride: int) -> tuple[Window, ...]:
    """Windows of `window` frames every `stride` frames that together reach the last frame.

    The last window is moved back so that it ends with the clip; a clip no longer than one window
    is a single, possibly shorter one.
    """
    if min(frame_count, window, stride) < 1:
        raise ValueError(
            f"Got {frame_count} frames, window {window}, stride {stride}; all must be 1 or more."
        )
    if frame_count <= window:
        return (Window(0, frame_count),)
    starts = list(range(0, frame_count - window + 1, stride))
    if starts[-1] + window < frame_count:
        starts.append(frame_count - window)
    return tuple(Window(start, start + window) for start in starts)


def dense_windows_s(times_s: np.ndarray, window_s: float, stride_s: float) -> tuple[Window, ...]:
    """Windows of `window_s` seconds every `stride_s` seconds, by the real times of the frames.

    times_s: (frame_count,) non-decreasing seconds. A window holds the frames from its start up to
    and without its end. The last one is moved back so that it ends with the clip; windows that
    would hold no frame (a long still in a variable-rate clip) hold the frame then on show.
    """
    if len(times_s) < 1 or window_s <= 0 or stride_s <= 0:
        raise ValueError(
            f"Got {len(times_s)} frames, window {window_s} s, stride {stride_s} s; "
            "all must be above 0."
        )
    first, last = float(times_s[0]), float(times_s[-1])
    if last - first < window_s:
        return (Window(0, len(times_s)),)
    steps = np.arange(int((last - first - window_s) / stride_s) + 1)
    windows = []
    for start_s in first + stride_s * steps:
        begin, stop = np.searchsorted(times_s, [start_s - 1e-6, start_s + window_s - 1e-6])
        begin = begin if begin < stop else stop - 1
        windows.append(Window(int(begin), int(stop)))
    if windows[-1].stop < len(times_s):
        begin = int(np.searchsorted(times_s, last - window_s + 1e-6))
        windows.append(Window(begin, len(times_s)))
    return tuple(windows)


def _check(frame_count: int, num_frames: int) -> None:
    if frame_count < 1 or num_frames < 1:
        raise ValueError(
            f"Got {frame_count} frames in the clip and {num_frames} for the model; "
            "both must be 1 or more."
        )


def _check_clip(clip_index: int, clips: int) -> None:
    if not 0 <= clip_index < clips:
        raise ValueError(f"Clip {clip_index} of {clips} was asked for; use 0 to {clips - 1}.")
