"""Videos as the published video-text model is shown them."""

import os

from torch import Tensor

from analysis.video.decode import decode_frames
from analysis.video.preprocess import Preprocessing, to_clip
from analysis.video.probe import frame_index
from analysis.video.sampling import retrieval_middle_indices


def read_clip(
    path: str | os.PathLike,
    num_frames: int,
    preprocessing: Preprocessing,
    first_s: float | None = None,
) -> Tensor:
    """The middle frames of equal parts of a video: float32 (3, num_frames, H, W), normalised.

    Frames are decoded at their own size, since they are scaled without keeping their proportions.
    With `first_s` a longer video counts as if it ended there. Raises VideoError, one sentence, for
    files that cannot be read.
    """
    info = frame_index(path).info
    count = info.frame_count
    if first_s is not None and info.duration_s > first_s:
        count = max(1, min(count, int(first_s * info.fps)))
    frames = decode_frames(path, retrieval_middle_indices(count, num_frames))
    return to_clip(frames.pixels, preprocessing)
