"""Making a library searchable: what is under way, how long it takes, and what stands."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from analysis.retrieval.errors import RetrievalError
from analysis.retrieval.index.build import IndexProgress, build_index
from analysis.retrieval.index.records import IndexSettings, differences, settings_of
from app.figures.number_format import duration
from app.libraries import Library
from app.video_text import DEFAULT_VIDEO_TEXT, VideoText

LEAST_WINDOW_S, MOST_WINDOW_S = 0.2, 600.0


@dataclass(frozen=True)
class Making:
    """How a library is to be made: by which weights, from windows of how many seconds."""

    model: str
    window_s: float
    stride_s: float


FRESH = Making(DEFAULT_VIDEO_TEXT, 4.0, 2.0)
"""How the page makes libraries unless it is told otherwise."""


@dataclass(frozen=True)
class LibraryFacts:
    """What stands of a library: windows of each video by name, and what they were made with.

    settings: None while there is nothing, or where two models wrote at once.
    """

    windows: dict[str, int]
    settings: IndexSettings | None


def checked_making(model: str, window_s: float | None, stride_s: float | None) -> Making:
    """What was asked for. Raises RetrievalError for lengths out of range."""
    for name, value in (("window", window_s), ("stride", stride_s)):
        if value is None or not LEAST_WINDOW_S <= value <= MOST_WINDOW_S:
            given = "empty" if value is None else f"{value:g} s"
            raise RetrievalError(
                f"The {name} is {given}; choose {LEAST_WINDOW_S:g} to {MOST_WINDOW_S:g} seconds."
            )
    return Making(model, float(window_s), float(stride_s))


def library_facts(library: Library) -> LibraryFacts:
    """What stands of a library now. Raises RetrievalError for a store that cannot be read."""
    store = library.store
    if not store.exists:
        return LibraryFacts({}, None)
    with library.named():
        windows = {one.video: one.stored for one in store.videos()}
        try:
            return LibraryFacts(windows, store.settings())
        except RetrievalError:
            return LibraryFacts(windows, None)


def made_otherwise(video_text: VideoText, library: Library, making: Making) -> str:
    """What a library was made with and what is asked for, as words; "" where nothing differs.

    Raises WeightsError for weights that cannot be had.
    """
    facts = library_facts(library)
    if not facts.windows:
        return ""
    if facts.settings is None:
        return "several models"
    with video_text.loaded(making.model) as loaded:
        asked = settings_of(loaded, making.window_s, making.stride_s)
    return differences(facts.settings, asked)


def is_outdated(video_text: VideoText, library: Library) -> bool:
    """Whether a library is not made yet, or by weights that have changed since.

    Raises WeightsError for weights that cannot be had.
    """
    kept = library_facts(library).settings
    if kept is None:
        return True
    return bool(
        made_otherwise(video_text, library, Making(kept.model, kept.window_s, kept.stride_s))
    )


def build_library(
    video_text: VideoText, library: Library, making: Making, anew: bool = False
) -> Iterator[tuple[str, IndexProgress]]:
    """Makes a library, or brings it up to date; gives what happens, in words, until it is done.

    With `anew`, what other settings made is replaced. Raises RetrievalError and WeightsError.
    """
    with library.named(), video_text.loaded(making.model) as loaded:
        steps = build_index(
            loaded,
            library.videos,
            library.store,
            window_s=making.window_s,
            stride_s=making.stride_s,
            replace_others=anew,
        )
    clock = _TimeLeft()
    while True:
        # The model is let go between steps: the page may ask it something else meanwhile.
        with library.named(), video_text.loaded(making.model):
            progress = next(steps, None)
        if progress is None:
            return
        yield _in_words(progress, clock.after(progress)), progress


class _TimeLeft:
    """Seconds until all videos are embedded, from those that are."""

    def __init__(self):
        self._began, self._first = 0.0, 0

    def after(self, progress: IndexProgress) -> float | None:
        """None while nothing can be said."""
        if progress.doing != "embedding":
            return None
        if not self._began:
            self._began, self._first = time.monotonic(), progress.done
        done = progress.done - self._first
        if not done:
            return None
        return (time.monotonic() - self._began) / done * (progress.total - progress.done)


def _in_words(progress: IndexProgress, left_s: float | None) -> str:
    if progress.doing == "done":
        return _outcome(progress)
    if progress.doing == "finishing":
        return "Putting the windows in order"
    verb = "Embedding" if progress.doing == "embedding" else "Reading"
    where = f"video {min(progress.done + 1, progress.total)} of {progress.total}"
    left = "" if left_s is None else f", about {duration(1000 * left_s)} left"
    return f"{verb} {progress.video}, {where}{left}" if progress.video else f"{verb} files"


def _outcome(progress: IndexProgress) -> str:
    counts = (
        (progress.added, "windows added"),
        (progress.unchanged, "videos as before"),
        (progress.copied, "videos under a new name"),
        (progress.removed, "videos gone"),
        (len(progress.problems), "files left out"),
    )
    said = ", ".join(f"{count} {what}" for count, what in counts if count)
    return f"The library is up to date: {said or 'nothing to do'}"
