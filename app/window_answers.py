"""One model's answers along a clip, window after window: recalled when known, else read now."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass

from analysis.prediction import WindowPrediction, predict_timeline
from analysis.video.probe import frame_index
from analysis.video.sampling import dense_windows_s
from app.answers import prediction_from
from app.selection import Selection
from app.session import Session

WINDOW_LENGTHS_S = (1.0, 2.0, 4.0, 8.0)
"""Lengths of windows to choose from."""
MOST_WINDOWS = 60
"""Long clips take longer steps, so that about this many windows are read at most."""


@dataclass(frozen=True)
class WindowPlan:
    """Where the windows of a clip lie: lengths in seconds, and how many there are."""

    duration_s: float
    window_s: float
    stride_s: float
    count: int


def plan_windows(path: str, window_s: float) -> WindowPlan:
    """Windows that overlap by half, further apart in clips too long for that.

    Raises VideoError for unusable files.
    """
    index = frame_index(path)
    duration_s = index.info.duration_s
    stride_s = round(max(window_s / 2, (duration_s - window_s) / (MOST_WINDOWS - 1)), 3)
    count = len(dense_windows_s(index.times_s, window_s, stride_s))
    return WindowPlan(duration_s, float(window_s), stride_s, count)


def window_answers(
    session: Session, selection: Selection, plan: WindowPlan
) -> Iterator[WindowPrediction]:
    """Answers in the order of time; they are remembered when all of them were read.

    Raises VideoError and WeightsError, each one sentence.
    """
    with session.loaded(selection) as loaded:
        key = _key(session, selection, plan)
    known = recalled_windows(session, selection, plan)
    if known:
        yield from known
        return
    reading = predict_timeline(
        loaded, selection.clip, window_s=plan.window_s, stride_s=plan.stride_s
    )
    windows = []
    while True:
        with session.loaded(selection):  # held only while a window is read, not while it is sent
            window = next(reading, None)
        if window is None:
            break
        windows.append(window)
        yield window
    session.remember(key, {"windows": [asdict(window) for window in windows]})


def recalled_windows(
    session: Session, selection: Selection, plan: WindowPlan
) -> tuple[WindowPrediction, ...]:
    """The answers along the clip if all were read before, else none.

    Raises VideoError and WeightsError.
    """
    kept = session.recall(_key(session, selection, plan)) or {"windows": []}
    return tuple(map(_window_from, kept["windows"]))


def _key(session: Session, selection: Selection, plan: WindowPlan) -> str:
    return session.key("windows", selection, plan.window_s, plan.stride_s)


def _window_from(payload: dict) -> WindowPrediction:
    return WindowPrediction(**{**payload, "prediction": prediction_from(payload["prediction"])})
