"""A long clip as a row of answers, window after window."""

import os
from collections.abc import Iterator
from dataclasses import dataclass

from analysis.prediction.answer import Prediction, predict_clip
from analysis.prediction.sampled_clip import read_clip
from analysis.video.probe import frame_index
from analysis.video.sampling import dense_windows_s
from analysis.weights import LoadedModel


@dataclass(frozen=True)
class WindowPrediction:
    """The answer about the part of a clip from start_s to end_s, in seconds."""

    start_s: float
    end_s: float
    prediction: Prediction


def predict_timeline(
    loaded: LoadedModel,
    path: str | os.PathLike,
    *,
    window_s: float,
    stride_s: float,
    top: int | None = None,
) -> Iterator[WindowPrediction]:
    """Answers for windows of `window_s` seconds every `stride_s` seconds, one by one.

    The last window ends with the clip; a clip shorter than a window is one window. `top` classes
    are kept per window, all by default. The caller may stop at any window.

    Raises VideoError for unusable files and ValueError for a length of 0 or less.
    """
    index = frame_index(path)
    times_s, duration_s = index.times_s, index.info.duration_s
    for window in dense_windows_s(times_s, window_s, stride_s):
        start_s = float(times_s[window.start])
        end_s = float(times_s[window.stop]) if window.stop < len(times_s) else duration_s
        sampled = read_clip(path, loaded, start_s=start_s, end_s=end_s)
        prediction = predict_clip(loaded, sampled, top=top or len(loaded.labels))
        yield WindowPrediction(start_s, end_s, prediction)
