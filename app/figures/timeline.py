"""What a model says along a long clip: one lane per class, one step per window."""

from collections import defaultdict
from collections.abc import Sequence
from html import escape
from itertools import pairwise

from analysis.prediction import WindowPrediction
from app.figures.number_format import clock, percent, significant

LANES = 5
_TICKS = 6


def no_timeline_view(sentence: str) -> str:
    """The place of the timeline while there is none, with what to do about it."""
    return f'<div class="timeline timeline-empty"><p>{escape(sentence)}</p></div>'


def timeline_view(windows: Sequence[WindowPrediction], duration_s: float, stride_s: float) -> str:
    """Lanes of the classes with most weight over the windows so far; height is probability.

    A window is drawn around its centre, as wide as its neighbours leave room for.
    """
    lanes = "".join(
        _lane(label, windows, duration_s, stride_s) for label in leading_labels(windows)
    )
    return (
        f'<figure class="timeline" data-duration="{duration_s:.3f}">{lanes}'
        f'<div class="lane axis"><span class="lane-label"></span>{_axis(duration_s)}</div></figure>'
    )


def leading_labels(windows: Sequence[WindowPrediction]) -> list[str]:
    """The classes with the largest mean probability, most first."""
    weight: defaultdict[str, float] = defaultdict(float)
    for window in windows:
        for entry in window.prediction.predictions:
            weight[entry.label] += entry.probability
    return sorted(weight, key=weight.__getitem__, reverse=True)[:LANES]


def _lane(
    label: str, windows: Sequence[WindowPrediction], duration_s: float, stride_s: float
) -> str:
    spans = _spans(windows, duration_s, stride_s)
    steps = "".join(
        _step(label, window, 100 * left / duration_s, 100 * (right - left) / duration_s)
        for window, (left, right) in zip(windows, spans, strict=True)
    )
    return (
        f'<div class="lane"><span class="lane-label" title="{escape(label)}">{escape(label)}</span>'
        f'<div class="lane-track">{steps}</div></div>'
    )


def _spans(
    windows: Sequence[WindowPrediction], duration_s: float, stride_s: float
) -> list[tuple[float, float]]:
    """Seconds that each window is drawn over: up to half way to its neighbours' centres."""
    centres = [(window.start_s + window.end_s) / 2 for window in windows]
    middles = [(a + b) / 2 for a, b in pairwise(centres)]
    starts = [max(0.0, centres[0] - stride_s / 2), *middles]
    ends = [*middles, min(duration_s, centres[-1] + stride_s / 2)]
    return list(zip(starts, ends, strict=True))


def _step(label: str, window: WindowPrediction, left: float, width: float) -> str:
    """`left` and `width` in percent of the lane."""
    entries = window.prediction.predictions
    probability = next((entry.probability for entry in entries if entry.label == label), 0.0)
    kind = "best" if entries[0].label == label else ""
    says = f"{clock(window.start_s)} to {clock(window.end_s)} s: {label} {percent(probability)}"
    return (
        f'<i class="{kind}" title="{escape(says)}" '
        f'style="left:{left:.3f}%;width:{width:.3f}%;--p:{probability:.4f}"></i>'
    )


def _axis(duration_s: float) -> str:
    ticks = "".join(
        f'<span style="left:{100 * tick / (_TICKS - 1):.1f}%">'
        f"{significant(duration_s * tick / (_TICKS - 1), 2)}\N{NARROW NO-BREAK SPACE}s</span>"
        for tick in range(_TICKS)
    )
    return f'<div class="lane-ticks">{ticks}</div>'
