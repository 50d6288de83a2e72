"""Finding moments in an index, by a text or by a clip."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.retrieval.errors import RetrievalError
from analysis.retrieval.index.records import IndexSettings, differences, settings_of
from analysis.retrieval.index.store import Measure, WindowStore, literal
from analysis.weights import LoadedModel

_COLUMNS = ("id", "video", "content_hash", "t0", "t1", "duration_s", "width", "height", "fps")
# Neighbours of a good window are good too: so many times more windows are looked at than moments
# are wanted, and again as many times more where that is not enough.
_WINDOWS_A_MOMENT = 4
# Clips are ranked by cosine, which the index, made for products with texts, only comes near to.
_CLOSER_LOOK = 4


@dataclass(frozen=True)
class Filters:
    """Which windows count.

    video: a video, or a folder of the library. from_s, to_s: windows that reach into this time.
    shortest_s, longest_s: length of the video, in seconds.
    """

    video: str | None = None
    from_s: float | None = None
    to_s: float | None = None
    shortest_s: float | None = None
    longest_s: float | None = None

    def sql(self) -> str | None:
        """As a condition on rows; None where all count."""
        conditions = []
        if self.video:
            folder = literal(self.video.rstrip("/") + "/")
            conditions.append(f"(video = {literal(self.video)} OR starts_with(video, {folder}))")
        for column, sign, value in (
            ("t1", ">", self.from_s),
            ("t0", "<", self.to_s),
            ("duration_s", ">=", self.shortest_s),
            ("duration_s", "<=", self.longest_s),
        ):
            if value is not None:
                conditions.append(f"{column} {sign} {literal(float(value))}")
        return " AND ".join(conditions) or None


@dataclass(frozen=True)
class Moment:
    """A window that was found.

    id: of its row, to ask for the thumbnail with. video: path in the library; content_hash: of the
    file. t0, t1: seconds after the video's first frame. score: similarity, -1 to 1.
    width, height, fps, duration_s: of the video.
    """

    id: str
    video: str
    content_hash: str
    t0: float
    t1: float
    score: float
    duration_s: float
    width: int
    height: int
    fps: float

    def row(self) -> dict[str, Any]:
        """As JSON."""
        return {"video": self.video, "t0": self.t0, "t1": self.t1, "score": self.score}


def kept_settings(store: WindowStore) -> IndexSettings:
    """What an index was made with. Raises RetrievalError for one that is absent or empty."""
    kept = store.settings()
    if kept is None:
        raise RetrievalError(f"The index at {store.uri} is empty; add videos first.")
    return kept


def check_model(store: WindowStore, loaded: LoadedModel) -> None:
    """Raises RetrievalError when an index is absent, empty or of another model."""
    kept = kept_settings(store)
    asked = settings_of(loaded, kept.window_s, kept.stride_s)
    if different := differences(kept, asked, model_only=True):
        raise RetrievalError(
            f"The index at {store.uri} was made with {different}; search with the model it was "
            "made with, or make it anew."
        )


def search_text(
    store: WindowStore,
    direction: np.ndarray,
    *,
    top: int = 5,
    filters: Filters | None = None,
    exact: bool = False,
) -> tuple[Moment, ...]:
    """The moments most similar to a text, as `embed_text` gives it, best first.

    The score is the model's own similarity, the mean over frames of the cosines with the text.
    Windows of a video that overlap a better one are the same moment and not given again, so that
    every t0, t1 and score is that of one window. `exact` looks at every window. Raises
    RetrievalError for a `top` below 1 and a store that cannot be used.
    """
    return _moments(_by_product(store, direction, filters or Filters(), exact), top)


def search_clip(
    store: WindowStore,
    embedding: np.ndarray,
    *,
    top: int = 5,
    filters: Filters | None = None,
    exact: bool = False,
) -> tuple[Moment, ...]:
    """The moments most like a clip, as `embed_part` gives it; otherwise as `search_text`.

    The score is the cosine between the two means of frames, 1 for the clip itself. It is ours: the
    model was trained to compare clips with texts, not with each other.
    """
    return _moments(_by_cosine(store, embedding, filters or Filters(), exact), top)


def score_windows(
    store: WindowStore,
    direction: np.ndarray,
    *,
    measure: Measure = "dot",
    filters: Filters | None = None,
) -> tuple[Moment, ...]:
    """Every window that counts with its score, best first; none is left out for another.

    The score is that of `search_text` for "dot" and that of `search_clip` for "cosine".
    """
    where = (filters or Filters()).sql()
    rows = store.nearest(direction, max(1, len(store)), _COLUMNS, where, True, measure)
    return tuple(_sorted(Moment(**row) for row in rows))


def merge_overlapping(windows: Iterable[Moment]) -> tuple[Moment, ...]:
    """Windows, best first, without those that overlap a better one of the same video.

    Windows that only touch do not overlap. This is non-maximum suppression in time.
    """
    kept: list[Moment] = []
    for window in windows:
        if not any(_overlap(window, better) for better in kept):
            kept.append(window)
    return tuple(kept)


def _moments(best: Callable[[int], Sequence[Moment]], top: int) -> tuple[Moment, ...]:
    if top < 1:
        raise RetrievalError(f"The {top} best moments were asked for; choose 1 or more.")
    asked = _WINDOWS_A_MOMENT * top
    while True:
        windows = best(asked)
        found = merge_overlapping(windows)
        if len(found) >= top or len(windows) < asked:
            return found[:top]
        asked *= _WINDOWS_A_MOMENT


def _by_product(
    store: WindowStore, direction: np.ndarray, filters: Filters, exact: bool
) -> Callable[[int], Sequence[Moment]]:
    def best(count: int) -> list[Moment]:
        rows = store.nearest(direction, count, _COLUMNS, filters.sql(), exact)
        return _sorted(Moment(**row) for row in rows)

    return best


def _by_cosine(
    store: WindowStore, embedding: np.ndarray, filters: Filters, exact: bool
) -> Callable[[int], Sequence[Moment]]:
    asked, where = embedding / np.linalg.norm(embedding), filters.sql()

    def all_compared(count: int) -> list[Moment]:
        rows = store.nearest(asked, count, _COLUMNS, where, exact=True, measure="cosine")
        return _sorted(Moment(**row) for row in rows)

    def best(count: int) -> list[Moment]:
        rows = store.nearest(asked, _CLOSER_LOOK * count, (*_COLUMNS, "embedding"), where)
        for row in rows:
            row["score"] /= float(np.linalg.norm(row.pop("embedding")))
        return _sorted(Moment(**row) for row in rows)[:count]

    return all_compared if exact or not store.approximate else best


def _sorted(windows: Iterable[Moment]) -> list[Moment]:
    return sorted(windows, key=lambda one: (-one.score, one.video, one.t0))


def _overlap(one: Moment, other: Moment) -> bool:
    return one.video == other.video and one.t0 < other.t1 and other.t0 < one.t1
