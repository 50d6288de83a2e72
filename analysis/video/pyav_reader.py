"""Reading frames with PyAV: for what decord refuses, and for damaged files."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from analysis.video.container import decoded_frames, open_container, to_rgb, wind
from analysis.video.limits import VideoError


def read(
    path: Path,
    positions: np.ndarray,
    pts: np.ndarray | None,
    key_pts: np.ndarray,
    width: int,
    height: int,
) -> tuple[np.ndarray, int]:
    """Frames at sorted positions, upright and scaled, as uint8 (T, height, width, 3) RGB.

    pts: stamp of every frame, or None where the file has none and frames are counted instead.
    key_pts: stamps to which the file may be wound forward.
    Also returns how many of the frames could not be decoded; the nearest earlier frame that
    could (at the beginning the nearest later one) stands in for each of these.
    Raises VideoError where no frame decodes.
    """
    out = np.empty((len(positions), height, width, 3), dtype=np.uint8)
    substituted = 0
    with open_container(path) as (container, stream):
        if pts is None:
            chosen = _by_count(container, stream, positions)
        else:
            chosen = _by_stamp(container, stream, pts[positions], key_pts)
        for slot, (frame, exact) in enumerate(chosen):
            if frame is None:
                raise VideoError(
                    f'The frames asked for in "{path.name}" could not be decoded; '
                    "the file is damaged, so copy or export it again."
                )
            out[slot] = to_rgb(frame, width, height)
            substituted += not exact
    return out, substituted


def _by_count(
    container: InputContainer, stream: VideoStream, positions: np.ndarray
) -> Iterator[tuple[VideoFrame | None, bool]]:
    frames = enumerate(decoded_frames(container, stream))
    number, frame = -1, None
    for position in positions:
        while number < position:
            following = next(frames, None)
            if following is None:
                break
            number, frame = following
        yield frame, number == position


def _by_stamp(
    container: InputContainer, stream: VideoStream, stamps: np.ndarray, key_pts: np.ndarray
) -> Iterator[tuple[VideoFrame | None, bool]]:
    frames = _stamped(container, stream)
    earlier: VideoFrame | None = None
    current: VideoFrame | None = next(frames, None)
    for stamp in stamps:
        start = np.searchsorted(key_pts, stamp, side="right") - 1
        behind = start >= 0 and current is not None and current.pts < key_pts[start]
        if behind and wind(container, stream, int(key_pts[start])):
            earlier, frames = current, _stamped(container, stream)
            current = next(frames, None)
        while current is not None and current.pts < stamp:
            earlier, current = current, next(frames, None)
        if current is not None and current.pts == stamp:
            yield current, True
        else:
            yield earlier or current, False


def _stamped(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    return (frame for frame in decoded_frames(container, stream) if frame.pts is not None)
