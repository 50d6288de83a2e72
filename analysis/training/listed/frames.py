"""Pixels of an entry of a list: which frames in training and testing, and their decoding."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from analysis.training.listed.list_file import Entry
from analysis.video.decode import decode_frames
from analysis.video.limits import VideoError
from analysis.video.probe import frame_index
from analysis.video.sampling import k400_train_indices

FrameRule = Callable[[int], np.ndarray]


def training_rule(sampling: str, num_frames: int, generator: np.random.Generator) -> FrameRule:
    """Random frames, one per segment, for a number of frames; `sampling` is "k400" or "ssv2"."""
    choose = {"k400": k400_train_indices, "ssv2": ssv2_train_indices}[sampling]
    return lambda frame_count: choose(frame_count, num_frames, generator)


def ssv2_train_indices(
    frame_count: int, num_frames: int, generator: np.random.Generator
) -> np.ndarray:
    """One random frame (num_frames,) of each segment of frame_count / num_frames frames.

    Segments are those of the SSV2 test rule; one without a whole frame gives its first.
    """
    edges = (frame_count / num_frames * np.arange(num_frames + 1)).astype(np.int64)
    return generator.integers(edges[:-1], np.maximum(edges[1:], edges[:-1] + 1))


def read_entry(
    entry: Entry, choose: FrameRule, short_side: int | None = None, *, picture: bool = False
) -> np.ndarray:
    """Frames uint8 (T, H, W, 3) that `choose` picks out of the entry's part of its video.

    short_side: pixels to which frames are scaled down while decoding; a picture is a video of one
    frame that keeps its size. Raises VideoError, one sentence, for what cannot be read.
    """
    if picture:
        return read_picture(entry.path)[choose(1)]
    times_s = frame_index(entry.path).times_s
    first, last = 0, len(times_s)
    if entry.start_s is not None:
        # A little slack: times in lists are rounded.
        first, last = np.searchsorted(times_s, [entry.start_s - 1e-6, entry.end_s - 1e-6])
    if first >= last:
        raise VideoError(
            f'"{Path(entry.path).name}" has no frame between {entry.start_s:g} s and '
            f"{entry.end_s:g} s; its last is at {times_s[-1]:.3g} s."
        )
    return decode_frames(entry.path, first + choose(int(last - first)), short_side).pixels


def read_picture(path: str) -> np.ndarray:
    """A picture as uint8 (1, H, W, 3) RGB, upright. Raises VideoError, one sentence."""
    try:
        with Image.open(path) as image:
            upright = ImageOps.exif_transpose(image).convert("RGB")
            return np.asarray(upright)[None]
    except (OSError, ValueError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        name = Path(path).name
        raise VideoError(f'"{name}" is no picture that can be read; export it again.') from error
