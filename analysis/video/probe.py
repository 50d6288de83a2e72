"""What is in a clip: size, codec, and the time of every frame, found without decoding it all."""

import os
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from analysis.video import decord_reader
from analysis.video.limits import DEFAULT_LIMITS, Limits, VideoError
from analysis.video.packets import Packets, collect_packets, without_lost_tail

# decord opens transport streams and then cannot move about in them.
_DECORD_CONTAINERS = ("mov", "matroska", "avi")


@dataclass(frozen=True)
class VideoInfo:
    """Facts about one clip.

    path: file as it was asked for.
    width, height: pixels of a frame as a player shows it, after rotation.
    frame_count: frames that are really in the file.
    fps: frames per second on average (frame_count / duration_s).
    duration_s: seconds from the first frame to the end of the last.
    codec: FFmpeg's name of the codec, such as "h264".
    decoder: "decord" or "pyav", the one that reads this clip.
    file_bytes: size of the file.
    note: a sentence where the file does not hold what it announces (cut off, damaged, trimmed),
        or "".
    """

    path: str
    width: int
    height: int
    frame_count: int
    fps: float
    duration_s: float
    codec: str
    decoder: str
    file_bytes: int
    note: str = ""


@dataclass(frozen=True, eq=False)
class FrameIndex:
    """Where each frame of a clip lies.

    info: the clip.
    times_s: (frame_count,) float64, seconds after the first frame, non-decreasing.
    pts: (frame_count,) int64 presentation stamps in stream ticks, or None where the file has none.
    key_pts: stamps at which decoding may start; empty where seeking is not to be trusted.
    """

    info: VideoInfo
    times_s: np.ndarray
    pts: np.ndarray | None
    key_pts: np.ndarray


def probe(path: str | os.PathLike, limits: Limits = DEFAULT_LIMITS) -> VideoInfo:
    """Facts about a clip. Raises VideoError (one sentence) for anything that cannot be read."""
    return frame_index(path, limits).info


def frame_times_s(
    path: str | os.PathLike, indices=None, limits: Limits = DEFAULT_LIMITS
) -> np.ndarray:
    """Real times of frames, in seconds after the first one, also where the rate varies.

    indices: frame numbers, shape (T,); None means every frame of the clip.
    Returns float64 (T,). Raises VideoError as `probe` does, and for a frame that is not there.
    """
    index = frame_index(path, limits)
    if indices is None:
        return index.times_s.copy()
    return index.times_s[check_indices(index, indices)]


def frame_index(path: str | os.PathLike, limits: Limits = DEFAULT_LIMITS) -> FrameIndex:
    """The index of a clip; kept for the latest few clips, and built anew when a file changes."""
    file, status = _regular_file(path)
    limits.check_bytes(file.name, status.st_size)
    index = _build_index(file, status.st_size, status.st_mtime_ns, limits)
    return replace(index, info=replace(index.info, path=os.fspath(path)))


def check_indices(index: FrameIndex, indices) -> np.ndarray:
    """The indices as int64 (T,); raises VideoError where there are none or one is out of range."""
    positions = np.asarray(indices, dtype=np.int64).reshape(-1)
    name, count = Path(index.info.path).name, index.info.frame_count
    if positions.size == 0:
        raise VideoError(f'No frame of "{name}" was asked for; ask for at least one.')
    outside = positions[(positions < 0) | (positions >= count)]
    if outside.size:
        raise VideoError(
            f'Frame {outside[0]} of "{name}" was asked for, but its frames run from 0 to '
            f"{count - 1}; choose a frame in that range."
        )
    return positions


def _regular_file(path: str | os.PathLike) -> tuple[Path, os.stat_result]:
    if not os.fspath(path):
        raise VideoError("No video file was named; choose one.")
    name = Path(path).name or os.fspath(path)
    try:
        # Absolute, so that a name such as "concat:a|b" cannot be taken for a protocol.
        file = Path(path).resolve()
        status = file.stat()
    except (OSError, ValueError) as error:
        raise VideoError(f'No file "{name}" was found; choose a video file that exists.') from error
    if file.is_dir():
        raise VideoError(f'"{name}" is a folder; choose one video file inside it.')
    if not file.is_file():
        raise VideoError(f'"{name}" is a device or pipe; choose an ordinary video file.')
    if status.st_size == 0:
        raise VideoError(f'"{name}" is empty (0 bytes); copy or export the video again.')
    return file, status


@lru_cache(maxsize=8)
def _build_index(file: Path, file_bytes: int, modified_ns: int, limits: Limits) -> FrameIndex:
    """`modified_ns` is only part of the cache key."""
    packets = collect_packets(file, limits)
    whole = packets.whole and packets.announced in (0, packets.seen)
    if not whole and packets.seekable:
        packets = without_lost_tail(file, packets)
    times_s, duration_s = packets.times()
    limits.check_duration(file.name, duration_s)
    count = len(times_s)
    info = VideoInfo(
        path=str(file),
        width=packets.width,
        height=packets.height,
        frame_count=count,
        fps=count / duration_s,
        duration_s=duration_s,
        codec=packets.codec,
        decoder="decord" if whole and _suits_decord(file, packets, times_s) else "pyav",
        file_bytes=file_bytes,
        note="" if whole else _doubt(packets.announced, count),
    )
    return FrameIndex(
        info=info,
        times_s=times_s,
        pts=np.sort(packets.pts) if packets.stamped else None,
        key_pts=packets.key_pts if packets.seekable else packets.key_pts[:0],
    )


def _suits_decord(file: Path, packets: Packets, times_s: np.ndarray) -> bool:
    """Whether decord is known to give the right frames; only asked of files that are whole.

    A damaged header can announce billions of frames, for which decord reserves memory and takes
    the whole process down. With open groups of pictures (usual in HEVC) it counts frames that the
    jump to a key frame has lost, and gives later ones than those asked for without saying so.
    """
    if packets.open_gop or packets.container not in _DECORD_CONTAINERS:
        return False
    return decord_reader.agrees(file, times_s)


def _doubt(announced: int, count: int) -> str:
    if announced == 0:
        return f"Part of the file is damaged: {count} frames were found in it."
    return f"The file announces {announced} frames; {count} of them can be read."
