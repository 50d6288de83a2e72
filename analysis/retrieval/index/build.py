"""Making an index of a folder of videos, and bringing one up to date."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic

from analysis.ray_cluster import RayMissingError, is_asked_for
from analysis.retrieval.errors import RetrievalError
from analysis.retrieval.index.embeddings import embed_windows, groups
from analysis.retrieval.index.library import content_hash, cut_video, list_videos
from analysis.retrieval.index.records import (
    IndexSettings,
    StoredVideo,
    WindowRecord,
    differences,
    settings_of,
)
from analysis.retrieval.index.store import WindowStore
from analysis.video.limits import VideoError
from analysis.weights import LoadedModel

Spread = Callable[
    [LoadedModel, dict[str, tuple[Path, str]], str, IndexSettings],
    Iterator[tuple[str, "IndexProgress"]],
]
"""Embeds videos, each with its file and content's hash, into the store of a URI, and gives what
was done for each in whatever order."""
WINDOW_S, STRIDE_S = 4.0, 2.0
WINDOWS_A_COMMIT, SECONDS_A_COMMIT = 128, 20.0
"""Windows are written together when there are so many, or after so many seconds: small files make
an index slow, and what was not written is what a process that is killed has done for nothing."""


@dataclass(frozen=True)
class IndexProgress:
    """How far a build is.

    doing: "reading files", "embedding", "finishing" or "done".
    done, total: videos. video: the one at hand, "" where there is none.
    added: windows written. unchanged, copied, removed: videos that were there already, that got
        the windows of a file with the same content (one that was renamed, for instance), and
        contents that are no longer there.
    problems: one sentence for every file that cannot be read.
    """

    doing: str
    done: int
    total: int
    video: str = ""
    added: int = 0
    unchanged: int = 0
    copied: int = 0
    removed: int = 0
    problems: tuple[str, ...] = ()


def build_index(
    loaded: LoadedModel,
    folder: str | Path,
    store: WindowStore,
    *,
    window_s: float = WINDOW_S,
    stride_s: float = STRIDE_S,
    replace_others: bool = False,
) -> Iterator[IndexProgress]:
    """Brings an index in agreement with a folder and says how far it is; the last says "done".

    Videos are told apart by their content: those that are there stay, those that only changed
    places are not embedded again, those that are gone or changed are removed. A video that cannot
    be read is left out and listed. The caller may stop at any time, or be stopped; the next build
    goes on from there. Several may run at once.

    Raises RetrievalError, one sentence: for a folder without videos or with none of those of the
    index, and for an index made with other settings, unless `replace_others`: it is then made
    anew.

    Videos are embedded here, or where the environment names a Ray cluster on its machines; see
    `analysis.retrieval.index.on_ray`.
    """
    settings = settings_of(loaded, window_s, stride_s)
    files = list_videos(folder)
    check_settings(store, settings, replace_others)
    return Build(loaded, files, store, settings, spread=chosen_spread()).run()


def chosen_spread() -> Spread | None:
    """On Ray where the environment asks for it. Raises RetrievalError where it is missing."""
    try:
        if not is_asked_for():
            return None
    except RayMissingError as error:
        raise RetrievalError(str(error)) from error
    from analysis.retrieval.index.on_ray import embed_on_ray

    return embed_on_ray


def check_settings(store: WindowStore, asked: IndexSettings, replace_others: bool) -> None:
    """Empties an index of other settings, or raises RetrievalError where that is not wanted."""
    if not store.exists:
        return
    try:
        kept = store.settings()
        different = kept and differences(kept, asked)
    except RetrievalError:
        if not replace_others:
            raise
        different = "several models"
    if not different:
        return
    if not replace_others:
        raise RetrievalError(
            f"The index at {store.uri} was made with {different}; choose another store, the same "
            "settings, or to replace it."
        )
    store.clear()


class Build:
    """One build: what is still to be written, and what there is to say.

    `spread` embeds several videos somewhere else; None embeds them one after another here.
    """

    def __init__(
        self,
        loaded: LoadedModel,
        files: dict[str, Path],
        store: WindowStore,
        settings: IndexSettings,
        spread: Spread | None = None,
    ):
        self._loaded, self._files, self._spread = loaded, files, spread
        self._store, self._settings = store, settings
        self._waiting: list[WindowRecord] = []
        self._written_at = monotonic()
        self._now = IndexProgress("reading files", 0, len(files))

    def run(self) -> Iterator[IndexProgress]:
        stored = self._stored()
        self._check_library(stored)
        hashes: dict[str, str] = {}
        for number, (video, path) in enumerate(self._files.items()):
            yield self._say(done=number, video=video)
            try:
                hashes[video] = content_hash(path)
            except OSError as error:
                reason = (error.strerror or type(error).__name__).lower()
                self._problem(f'"{video}" cannot be read ({reason}).')
        # Before anything is removed: what was renamed is copied from its old name.
        copies = self._copy(hashes, stored)
        self._remove(hashes, stored)
        left = {video: hashes[video] for video in hashes if video not in copies}
        yield from self._embed_elsewhere(left) if self._spread else self.embed(left)
        yield self._say(doing="finishing", video="")
        self._store.finish()
        yield self._say(doing="done", done=len(self._files))

    def _stored(self) -> tuple[StoredVideo, ...]:
        return self._store.videos() if self._store.exists else ()

    def _check_library(self, stored: tuple[StoredVideo, ...]) -> None:
        """Another folder named by mistake would remove everything."""
        if stored and not {one.video for one in stored} & set(self._files):
            known = {one.content_hash for one in stored}
            if not any(content_hash(path) in known for path in self._files.values()):
                raise RetrievalError(
                    f"The index at {self._store.uri} has {len(stored)} videos, none of which is "
                    "in the folder; choose another store, or remove them."
                )

    def _copy(self, hashes: dict[str, str], stored: tuple[StoredVideo, ...]) -> set[str]:
        """Windows for videos whose content is there under another name; gives the videos."""
        places = {(one.video, one.content_hash) for one in stored}
        sources = {one.content_hash: one.video for one in stored if one.complete}
        moved = {
            video: digest
            for video, digest in hashes.items()
            if (video, digest) not in places and digest in sources
        }
        for video, digest in moved.items():
            self._store.copy_video(digest, sources[digest], video)
        self._say(copied=len(moved))
        return set(moved)

    def _remove(self, hashes: dict[str, str], stored: tuple[StoredVideo, ...]) -> None:
        outdated = [one for one in stored if hashes.get(one.video) != one.content_hash]
        self._store.delete({one.video for one in outdated if one.video not in hashes})
        for one in outdated:
            if one.video in hashes:
                self._store.delete({one.video}, keep_hash=hashes[one.video])
        self._say(removed=len(outdated))

    def _embed_elsewhere(self, hashes: dict[str, str]) -> Iterator[IndexProgress]:
        files = {video: (self._files[video], digest) for video, digest in hashes.items()}
        self._say(doing="embedding", done=len(self._files) - len(hashes), video="")
        for video, one in self._spread(self._loaded, files, self._store.uri, self._settings):
            yield self._say(
                done=self._now.done + 1,
                video=video,
                added=self._now.added + one.added,
                unchanged=self._now.unchanged + one.unchanged,
                problems=(*self._now.problems, *one.problems),
            )

    def embed(self, hashes: dict[str, str]) -> Iterator[IndexProgress]:
        """Videos with their contents' hashes, those of which windows are missing."""
        complete = {(one.video, one.content_hash) for one in self._stored() if one.complete}
        done = len(self._files) - len(hashes)
        for video, digest in hashes.items():
            yield self._say(doing="embedding", done=done, video=video)
            if (video, digest) in complete:
                self._say(unchanged=self._now.unchanged + 1)
            else:
                try:
                    yield from self._embed_video(video, digest)
                except VideoError as error:
                    self._leave_out(video, str(error))
            done += 1
        self._write()
        yield self._say(done=done)

    def _embed_video(self, video: str, digest: str) -> Iterator[IndexProgress]:
        cut = cut_video(self._files[video], self._settings.window_s, self._settings.stride_s)
        there = self._store.numbers(video, digest) if self._store.exists else set()
        for numbers in groups(len(cut.windows)):
            if there.issuperset(numbers):
                continue
            self._waiting += embed_windows(self._loaded, cut, numbers, video, digest)
            if self._due():
                self._write()
            yield self._now

    def _due(self) -> bool:
        waited_s = monotonic() - self._written_at
        return len(self._waiting) >= WINDOWS_A_COMMIT or waited_s >= SECONDS_A_COMMIT

    def _write(self) -> None:
        added = self._store.add(self._waiting, self._settings)
        self._waiting, self._written_at = [], monotonic()
        self._say(added=self._now.added + added)

    def _leave_out(self, video: str, sentence: str) -> None:
        """Nothing of a video that breaks off in the middle stays."""
        self._waiting = [record for record in self._waiting if record.video != video]
        self._store.delete({video})
        self._problem(f"{sentence.rstrip('.')}.")

    def _problem(self, sentence: str) -> None:
        self._say(problems=(*self._now.problems, sentence))

    def _say(self, **changes: object) -> IndexProgress:
        self._now = replace(self._now, **changes)
        return self._now
