"""The videos of a folder: which there are, what is in them, and how they are cut into windows."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from analysis.retrieval.errors import RetrievalError
from analysis.video.probe import VideoInfo, frame_index
from analysis.video.sampling import Window, dense_windows_s

SUFFIXES = (".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".wmv", ".flv")
"""Files that are taken for videos; others are passed over without a word."""


@dataclass(frozen=True, eq=False)
class CutVideo:
    """A video and its windows.

    windows: frames of each; times_s: (N, 2), from the first frame of a window to the first after
    it, in seconds.
    """

    path: Path
    info: VideoInfo
    windows: tuple[Window, ...]
    times_s: np.ndarray


def list_videos(folder: str | Path) -> dict[str, Path]:
    """Files of a folder and those inside it by their paths in it, sorted; hidden ones are left out.

    Raises RetrievalError, one sentence, for what is no folder and one without videos.
    """
    root = Path(folder)
    if not root.is_dir():
        raise RetrievalError(f"{root} is no folder; name one with videos in it.")
    found = {path.relative_to(root).as_posix(): path for path in _videos(root)}
    if not found:
        raise RetrievalError(
            f"The folder {root} has no videos in it (files that end in {', '.join(SUFFIXES)})."
        )
    return dict(sorted(found.items()))


def content_hash(path: str | Path) -> str:
    """SHA-256 of a file. Raises OSError."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def cut_video(path: str | Path, window_s: float, stride_s: float) -> CutVideo:
    """Windows of `window_s` seconds every `stride_s` seconds, as `dense_windows_s` cuts them.

    Raises VideoError, one sentence, for files that cannot be read.
    """
    index = frame_index(path)
    windows = dense_windows_s(index.times_s, window_s, stride_s)
    edges = np.append(index.times_s, index.info.duration_s)
    times_s = np.array([(edges[window.start], edges[window.stop]) for window in windows])
    return CutVideo(Path(path), index.info, windows, times_s)


def part_of_video(path: str | Path, from_s: float | None, to_s: float | None) -> CutVideo:
    """A video as one window, between two times where they are given.

    Raises VideoError for files that cannot be read, RetrievalError for a part without a frame.
    """
    index = frame_index(path)
    times_s, duration_s = index.times_s, index.info.duration_s
    start_s, end_s = from_s or 0.0, duration_s if to_s is None else to_s
    start, stop = (int(at) for at in np.searchsorted(times_s, (start_s - 1e-6, end_s - 1e-6)))
    if start >= stop:
        raise RetrievalError(
            f"{Path(path).name} has no frame from {start_s:g} s to {end_s:g} s; it lasts "
            f"{duration_s:g} s."
        )
    edges = np.append(times_s, duration_s)
    return CutVideo(
        Path(path), index.info, (Window(start, stop),), edges[np.array([[start, stop]])]
    )


def _videos(root: Path) -> Iterator[Path]:
    for path in root.rglob("*"):
        hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
        if path.suffix.lower() in SUFFIXES and not hidden and path.is_file():
            yield path
