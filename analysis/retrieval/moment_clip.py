"""A part of a video as a video-text model is shown it, with its frames and their times."""

import os
import time

from analysis.prediction import SampledClip
from analysis.retrieval.index.library import part_of_video
from analysis.video.decode import decode_frames
from analysis.video.preprocess import to_clip, to_pixels
from analysis.video.sampling import retrieval_middle_indices
from analysis.weights import LoadedModel


def read_moment(
    loaded: LoadedModel,
    path: str | os.PathLike,
    from_s: float | None = None,
    to_s: float | None = None,
) -> SampledClip:
    """The middle frames of equal parts of a video, or of what lies between two times.

    Its `clip` is what the index embeds of a window with these times. Raises VideoError for files
    that cannot be read and RetrievalError for a part without a frame.
    """
    began = time.perf_counter()
    part = part_of_video(path, from_s, to_s)
    (window,), preprocessing = part.windows, loaded.preprocessing
    middles = retrieval_middle_indices(window.stop - window.start, loaded.config.num_frames)
    frames = decode_frames(path, window.start + middles)
    clip = to_clip(frames.pixels, preprocessing)
    return SampledClip(
        path=os.fspath(path),
        info=part.info,
        pixels=to_pixels(clip, preprocessing),
        clip=clip,
        frame_indices=tuple(map(int, frames.indices)),
        frame_times_s=tuple(map(float, frames.times_s)),
        decode_ms=1e3 * (time.perf_counter() - began),
        decoder=frames.decoder,
        note=part.info.note,
    )
