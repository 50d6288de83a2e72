"""Questions to a library of videos, and what was found: the Retrieval tab's own work."""

import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from analysis.retrieval.errors import RetrievalError
from analysis.retrieval.index.embeddings import embed_part, embed_text
from analysis.retrieval.index.library import part_of_video
from analysis.retrieval.index.records import IndexSettings
from analysis.retrieval.index.rerank import rerank
from analysis.retrieval.index.search import (
    Filters,
    Moment,
    check_model,
    kept_settings,
    score_windows,
    search_clip,
    search_text,
)
from analysis.text.word_pieces import plain_text
from analysis.weights import LoadedModel, weights_card
from app.libraries import Library
from app.video_text import VideoText, own_words

RERANKED = 16
"""Nearest moments that are looked at again; or as many as are shown, where those are more."""
MOST_SCORED = 20_000
"""Windows of a library that are all compared for the figures; of larger ones those of the videos
that were found."""
MOST_TEXT = 2000
MOST_VIDEOS = 12
"""Videos whose scores are drawn over time."""


@dataclass(frozen=True)
class ClipPart:
    """A part of a video to look for; `name` is what people call it."""

    path: str
    name: str
    from_s: float | None = None
    to_s: float | None = None

    @property
    def words(self) -> str:
        """As in a sentence."""
        if self.from_s is None and self.to_s is None:
            return self.name
        until = "its end" if self.to_s is None else f"{self.to_s:g} s"
        return f"{self.name}, {self.from_s or 0:g} s to {until}"


@dataclass(frozen=True)
class SearchQuestion:
    """A text or a clip to look for in a library.

    top: moments wanted. closer: whether match logits decide, of a text only.
    """

    library: Library
    text: str = ""
    clip: ClipPart | None = None
    top: int = 8
    closer: bool = False
    filters: Filters = field(default_factory=Filters)

    @property
    def words(self) -> str:
        """What is looked for, as in a sentence."""
        return self.clip.words if self.clip else f'"{self.text.strip()}"'

    @property
    def linked_text(self) -> str:
        """What a link carries: a text, asked of the library that everybody has; else ""."""
        everybodys = self.library.kind == "examples" and self.clip is None
        return self.text.strip() if everybodys else ""


@dataclass(frozen=True)
class FoundMoment:
    """A moment, its match logit where it was looked at again, and its middle frame as WebP."""

    moment: Moment
    match: float | None
    thumbnail: bytes


@dataclass(frozen=True)
class SearchAnswer:
    """What a question found, best first.

    model: name of the weights that made the library and answered. found: the moments.
    windows: every window compared for the figures, with its similarity, whatever the filters.
    whole: whether these are all windows of the library. window_s, stride_s: how it was cut.
    unknown: words the model does not know. cut: word pieces that did not fit. closer: moments
    whose match logits were computed.
    """

    question: SearchQuestion
    model: str
    found: tuple[FoundMoment, ...]
    windows: tuple[Moment, ...]
    whole: bool
    window_s: float
    stride_s: float
    unknown: tuple[str, ...]
    cut: int
    closer: int
    latency_ms: float

    @property
    def median(self) -> float:
        """Similarity of the middle one of all compared windows."""
        return statistics.median(one.score for one in self.windows)

    @property
    def drawn_videos(self) -> tuple[str, ...]:
        """Videos whose windows are drawn, those with the best window first."""
        chosen = self.question.filters.video
        found = dict.fromkeys(one.moment.video for one in self.found)
        every = dict.fromkeys([*found, *(one.video for one in self.windows)])
        shown = found if chosen else every
        return tuple(shown)[:MOST_VIDEOS]


def search_library(video_text: VideoText, question: SearchQuestion) -> SearchAnswer:
    """Answers a question with the model that made the library.

    Raises RetrievalError, WeightsError, VocabularyError and VideoError, one sentence each: for a
    library that is not made yet or by other weights, a text that says nothing to the model, files
    that are gone.
    """
    began = time.perf_counter()
    library, store = question.library, question.library.store
    if not store.exists:
        raise RetrievalError(f'The library "{library.title}" is not made yet; press Make.')
    with library.named():
        kept = kept_settings(store)
        with video_text.loaded(kept.model) as loaded:
            check_model(store, loaded)
            return _Search(video_text, question, kept, loaded, began).answer()


class _Search:
    """One question on its way to an answer."""

    def __init__(
        self,
        video_text: VideoText,
        question: SearchQuestion,
        kept: IndexSettings,
        loaded: LoadedModel,
        began: float,
    ):
        self._question, self._kept, self._loaded = question, kept, loaded
        self._store, self._began = question.library.store, began
        self._pieces = None if question.clip else video_text.pieces(kept.model)

    def answer(self) -> SearchAnswer:
        unknown = () if self._question.clip else self._unknown()
        direction, cut = self._direction()
        moments, closer = self._moments(direction)
        pictures = self._store.column("thumbnail", [one.id for one, _ in moments])
        whole = len(self._store) <= MOST_SCORED
        return SearchAnswer(
            question=self._question,
            model=self._kept.model,
            found=tuple(FoundMoment(one, match, pictures[one.id]) for one, match in moments),
            windows=self._windows(direction, None if whole else [one for one, _ in moments]),
            whole=whole,
            window_s=self._kept.window_s,
            stride_s=self._kept.stride_s,
            unknown=unknown,
            cut=cut,
            closer=closer,
            latency_ms=1000 * (time.perf_counter() - self._began),
        )

    def _unknown(self) -> tuple[str, ...]:
        """Words that the model does not know; an error where it knows none."""
        text = self._question.text
        if len(text) > MOST_TEXT:
            raise RetrievalError(
                f"The text has {len(text)} characters; one sentence of at most {MOST_TEXT} will do."
            )
        plain = plain_text(text)
        unknown = self._pieces.unknown(plain)
        if plain and not set(plain.split()) - set(unknown):
            raise RetrievalError(unknown_words(self._kept.model, unknown))
        return unknown

    def _direction(self) -> tuple[np.ndarray, int]:
        clip = self._question.clip
        if clip is None:
            return embed_text(self._loaded, self._pieces, self._question.text)
        part = part_of_video(clip.path, clip.from_s, clip.to_s)
        return embed_part(self._loaded, part), 0

    def _moments(self, direction: np.ndarray) -> tuple[list[tuple[Moment, float | None]], int]:
        """Moments with their match logits, and how many were looked at again."""
        top, filters = self._question.top, self._question.filters
        if self._question.clip:
            found = search_clip(self._store, direction, top=top, filters=filters)
            return [(one, None) for one in found], 0
        closer = self._question.closer
        count = max(top, RERANKED) if closer else top
        found = search_text(self._store, direction, top=count, filters=filters)
        if not closer:
            return [(one, None) for one in found], 0
        path_of = self._question.library.path_of
        matched = rerank(self._loaded, self._pieces, self._question.text, found, path_of)
        return [(one.moment, one.match) for one in matched[:top]], len(found)

    def _windows(self, direction: np.ndarray, found: list[Moment] | None) -> tuple[Moment, ...]:
        """All windows with their similarities, or those of the videos found alone."""
        measure = "cosine" if self._question.clip else "dot"
        if measure == "cosine":
            direction = direction / np.linalg.norm(direction)
        if found is None:
            return score_windows(self._store, direction, measure=measure)
        videos = list(dict.fromkeys(one.video for one in found))[:MOST_VIDEOS]
        scored = [
            window
            for video in videos
            for window in score_windows(
                self._store, direction, measure=measure, filters=Filters(video=video)
            )
        ]
        return tuple(sorted(scored, key=lambda one: -one.score))


def unknown_words(model: str, unknown: tuple[str, ...]) -> str:
    """One sentence about words that a model does not know."""
    named = ", ".join(f'"{word[:40]}"' for word in unknown[:8])
    word = "the word" if len(unknown) == 1 else "the words"
    known = own_words(weights_card(model))
    which = f"; it knows {', '.join(known)}" if known else ""
    return f"{model} does not know {word} {named}{which}."


def chosen_moment(answer: SearchAnswer, moment: Moment) -> dict:
    """A moment as the other parts of the tab are told of it."""
    return {
        "path": str(answer.question.library.path_of(moment.video)),
        "video": moment.video,
        "t0": moment.t0,
        "t1": moment.t1,
        "text": answer.question.text.strip(),
        "score": moment.score,
        "model": answer.model,
    }


def moment_rows(answer: SearchAnswer) -> list[dict]:
    """The moments as rows: video, t0, t1, the score that decided, both scores."""
    return [
        {
            "video": one.moment.video,
            "t0": round(one.moment.t0, 3),
            "t1": round(one.moment.t1, 3),
            "score": one.moment.score if one.match is None else one.match,
            "similarity": one.moment.score,
            "match": one.match,
        }
        for one in answer.found
    ]


def window_rows(answer: SearchAnswer) -> list[dict]:
    """Windows of the videos that are drawn, with their similarities, in the order of time."""
    drawn = answer.drawn_videos
    shown = [one for one in answer.windows if one.video in drawn]
    return [one.row() for one in sorted(shown, key=lambda one: (drawn.index(one.video), one.t0))]


def search_settings(answer: SearchAnswer) -> dict:
    """What the answer depends on."""
    question = answer.question
    return {
        "library": question.library.title,
        "text": question.text if question.clip is None else None,
        "clip": question.clip and Path(question.clip.name).name,
        "from_s": question.clip and question.clip.from_s,
        "to_s": question.clip and question.clip.to_s,
        "model": answer.model,
        "training": weights_card(answer.model).training,
        "window_s": answer.window_s,
        "stride_s": answer.stride_s,
        "score": "match logit" if answer.closer else "similarity",
        "looked_at_again": answer.closer,
        "video": question.filters.video,
        "filter_from_s": question.filters.from_s,
        "filter_to_s": question.filters.to_s,
        "unknown_words": list(answer.unknown),
    }
