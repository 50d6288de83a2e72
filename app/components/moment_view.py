"""Moments that were found, a player for them, and similarity over the time of their videos."""

import base64
from collections import defaultdict
from typing import Any

import gradio as gr

from analysis.retrieval.index.search import Moment
from app.figures.moment_words import moment_clock, span
from app.figures.number_format import with_minus
from app.moment_search import FoundMoment, SearchAnswer
from app.theme import ASSETS
from app.video_addresses import VideoAddresses

_SCRIPTS = ("moment_player.js", "moment_strips.js", "moment_view.js")
"""One program; the last file begins it."""


def build_moment_view() -> gr.HTML:
    """The component; its value is what `moment_view` gives, packed, or None before the first.

    Its custom events: `choose` carries the `video`, `t0` and `t1` of a window that was pressed;
    `more` those of one whose like is looked for.
    """
    return gr.HTML(
        None,
        html_template=(ASSETS / "moment_view.html").read_text(encoding="utf-8"),
        css_template=(ASSETS / "moment_view.css").read_text(encoding="utf-8"),
        js_on_load="\n".join((ASSETS / name).read_text(encoding="utf-8") for name in _SCRIPTS),
        apply_default_css=False,
        elem_id="moment-view",
        label="Moments that were found",
    )


def moment_view(answer: SearchAnswer, addresses: VideoAddresses) -> dict[str, Any]:
    """What the browser draws; paths on the server stay on the server."""
    path_of = answer.question.library.path_of
    drawn, windows = answer.drawn_videos, _by_video(answer)
    shown = dict.fromkeys([*drawn, *(one.moment.video for one in answer.found)])
    scores = [one.score for one in answer.windows]
    return {
        "asked": answer.question.words,
        "link": answer.question.linked_text,
        "decides": "match" if answer.closer else "similarity",
        "of_clip": answer.question.clip is not None,
        "videos": {video: addresses.address(path_of(video)) for video in shown},
        "moments": [
            _moment(one, bar) for one, bar in zip(answer.found, _bars(answer), strict=True)
        ],
        "strips": [_strip(video, windows[video]) for video in drawn],
        "scale": [min(scores), max(scores), answer.median] if scores else None,
    }


def _by_video(answer: SearchAnswer) -> dict[str, list[Moment]]:
    windows: defaultdict[str, list[Moment]] = defaultdict(list)
    for one in answer.windows:
        windows[one.video].append(one)
    return windows


def _bars(answer: SearchAnswer) -> list[float]:
    """How far each moment is from the lowest to the highest of what decided: 0 to 1."""
    if answer.closer:
        scores = among = [one.match for one in answer.found]
    else:
        scores = [one.moment.score for one in answer.found]
        among = [one.score for one in answer.windows]
    low, high = min(among, default=0.0), max(among, default=1.0)
    return [(score - low) / (high - low) if high > low else 1.0 for score in scores]


def _moment(found: FoundMoment, bar: float) -> dict[str, Any]:
    moment = found.moment
    picture = base64.b64encode(found.thumbnail).decode("ascii")
    return {
        "video": moment.video,
        "t0": moment.t0,
        "t1": moment.t1,
        "time": span(moment.t0, moment.t1),
        "similarity": with_minus(moment.score),
        "match": None if found.match is None else with_minus(found.match),
        "bar": round(bar, 3),
        "picture": f"data:image/webp;base64,{picture}",
    }


def _strip(video: str, windows: list[Moment]) -> dict[str, Any]:
    """Windows in the order of time."""
    ordered = sorted(windows, key=lambda one: one.t0)
    best = max(ordered, key=lambda one: one.score)
    return {
        "video": video,
        "duration_s": ordered[0].duration_s,
        "length": moment_clock(ordered[0].duration_s),
        "best": with_minus(best.score),
        "windows": [[round(one.t0, 3), round(one.t1, 3), round(one.score, 5)] for one in ordered],
    }
