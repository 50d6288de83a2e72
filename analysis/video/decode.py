"""Pixels of chosen frames: decord first, PyAV for everything decord refuses."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from analysis.video import decord_reader, pyav_reader
from analysis.video.limits import DEFAULT_LIMITS, Limits
from analysis.video.probe import check_indices, frame_index


@dataclass(frozen=True, eq=False)
class DecodedFrames:
    """Frames of one clip as they were read.

    pixels: uint8 (T, H, W, 3) RGB, upright.
    indices: int64 (T,), the frame numbers asked for.
    times_s: float64 (T,), seconds after the first frame of the clip.
    decoder: "decord" or "pyav", the one that made these pixels.
    substituted: different frames that were damaged, so that a neighbour stands in for them.
    """

    pixels: np.ndarray
    indices: np.ndarray
    times_s: np.ndarray
    decoder: str
    substituted: int


def decode_frames(
    path: str | os.PathLike,
    indices,
    short_side: int | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> DecodedFrames:
    """Reads the frames with these numbers, in the order asked for, repeats included.

    short_side: pixels the shorter side is scaled down to while decoding, the longer side in
        proportion and truncated to whole pixels; None or a larger number keeps the clip's size.
        The filter is FFmpeg's bilinear one, which widens when it shrinks and so does not alias.
    Safe to call from several threads at once. Raises VideoError (one sentence) for a file that
    cannot be read, a clip beyond the limits, or a frame that is not there.
    """
    index = frame_index(path, limits)
    positions = check_indices(index, indices)
    width, height = reduced_size(index.info.width, index.info.height, short_side)
    distinct, inverse = np.unique(positions, return_inverse=True)
    file = Path(path).resolve()
    pixels, decoder, substituted = None, "decord", 0
    if index.info.decoder == "decord":
        pixels = decord_reader.read(file, distinct, width, height)
    if pixels is None:
        decoder = "pyav"
        pixels, substituted = pyav_reader.read(
            file, distinct, index.pts, index.key_pts, width, height
        )
    # Indexing copies, which long clips feel: skipped where frames are wanted as they came.
    in_order = np.array_equal(distinct, positions)
    return DecodedFrames(
        pixels=pixels if in_order else pixels[inverse],
        indices=positions,
        times_s=index.times_s[positions],
        decoder=decoder,
        substituted=substituted,
    )


def read_frames(
    path: str | os.PathLike,
    indices,
    short_side: int | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> np.ndarray:
    """The pixels of `decode_frames`: uint8 (T, H, W, 3) RGB, upright."""
    return decode_frames(path, indices, short_side, limits).pixels


def reduced_size(width: int, height: int, short_side: int | None) -> tuple[int, int]:
    """Width and height after scaling the shorter side down to `short_side`; never enlarges.

    Raises ValueError for a side below 1.
    """
    if short_side is not None and short_side < 1:
        raise ValueError(f"Got a short side of {short_side} pixels; use 1 or more.")
    if short_side is None or short_side >= min(width, height):
        return width, height
    if width <= height:
        return short_side, int(height * short_side / width)
    return int(width * short_side / height), short_side
