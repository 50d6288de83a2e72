"""Libraries of videos on this server: the examples, folders of this machine, uploads."""

import hashlib
import json
import os
import secrets
import shutil
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from analysis.retrieval.errors import RetrievalError
from analysis.retrieval.index.library import SUFFIXES
from analysis.retrieval.index.store import WindowStore
from analysis.weights.shipped import replace_file
from app.example_clips import EXAMPLES_FOLDER

Kind = Literal["examples", "folder", "uploads"]
MOST_UPLOADS = 100
"""Videos of a library made of uploads."""
_FACTS, _STORE, _VIDEOS = "library.json", "store", "videos"


@dataclass(frozen=True)
class Library:
    """Videos that are searched together.

    key: names it; of uploads nobody can guess it. videos: the folder they are in, absolute.
    index: the folder of its LanceDB store.
    """

    key: str
    title: str
    kind: Kind
    videos: str
    index: str

    @property
    def store(self) -> WindowStore:
        """Its index, which may not be made yet."""
        return WindowStore(self.index)

    def path_of(self, video: str) -> Path:
        """The file of a video by its name in the library."""
        return Path(self.videos) / video

    @contextmanager
    def named(self) -> Iterator[None]:
        """What goes wrong is said of the library's title, not of a place on this server."""
        try:
            yield
        except RetrievalError as error:
            words = str(error).replace(f"index at {self.index}", f'library "{self.title}"')
            if self.kind != "folder":
                words = words.replace(self.videos, f'"{self.title}"')
            raise RetrievalError(words) from error


class Libraries:
    """The libraries of one running app, each in a folder of its own."""

    def __init__(self, folder: Path, keep_uploads_s: int):
        """`keep_uploads_s` after its last use a library of uploads is removed."""
        self._folder, self._keep_uploads_s = folder.absolute(), keep_uploads_s

    def examples(self) -> Library:
        """The clips that come with the app; everybody's."""
        return self._at("examples", "Example clips", "examples", EXAMPLES_FOLDER)

    def shown(self, local: bool, own: Collection[str]) -> tuple[Library, ...]:
        """Libraries that a visitor may use, the examples first.

        Somebody at this machine has all of them; others have the examples, and uploads whose keys
        are among their `own`.
        """
        kept = (self._read(path) for path in sorted(self._folder.glob(f"*/{_FACTS}")))
        others = [
            one for one in kept if one and (local or (one.kind == "uploads" and one.key in own))
        ]
        return (self.examples(), *sorted(others, key=lambda one: one.title))

    def find(self, key: str, local: bool, own: Collection[str]) -> Library:
        """The library of a key or title. Raises RetrievalError, naming those there are."""
        shown = self.shown(local, own)
        if found := next((one for one in shown if key in (one.key, one.title)), None):
            self._touch(found)
            return found
        titles = ", ".join(one.title for one in shown)
        raise RetrievalError(f'There is no library "{key}" any more; choose one of: {titles}.')

    def of_folder(self, folder: str) -> Library:
        """The library of a folder of this machine, always the same one.

        Raises RetrievalError for what is no folder.
        """
        path = Path(folder.strip().strip('"')).expanduser()
        if not folder.strip() or not path.is_dir():
            raise RetrievalError(
                f'"{folder.strip()}" is no folder on this machine; give the whole path of one '
                "with videos in it."
            )
        path = path.resolve()
        key = hashlib.sha256(str(path).encode()).hexdigest()[:20]
        return self._write(self._at(key, str(path), "folder", path))

    def of_uploads(self, files: Sequence[str], into: Library | None = None) -> Library:
        """A new library of uploaded files, or one of uploads with more in it.

        Files of one name get numbers. Raises RetrievalError when none is a video by its name, and
        for more than `MOST_UPLOADS`.
        """
        self.remove_old()
        videos = [Path(file) for file in files if Path(file).suffix.lower() in SUFFIXES]
        if not videos:
            raise RetrievalError(
                f"None of the {len(files)} files is a video; upload files that end in "
                f"{', '.join(SUFFIXES)}."
            )
        library = into if into is not None and into.kind == "uploads" else self._new()
        there = len(list(Path(library.videos).iterdir()))
        if there + len(videos) > MOST_UPLOADS:
            raise RetrievalError(
                f"A library holds {MOST_UPLOADS} uploaded videos, this one would have "
                f"{there + len(videos)}; send fewer."
            )
        for video in videos:
            _take(video, Path(library.videos))
        return library

    def remove_video(self, library: Library, video: str) -> int:
        """Takes a video out of the index, and an uploaded one off the server; gives its windows.

        Raises RetrievalError for the examples, which are everybody's, and for unknown videos.
        """
        if library.kind == "examples":
            raise RetrievalError("The example clips are everybody's; none can be taken out.")
        with library.named():
            if video not in {one.video for one in library.store.videos()}:
                raise RetrievalError(f'There is no "{video}" in this library any more.')
            removed = library.store.delete({video})
        if library.kind == "uploads":
            library.path_of(video).unlink(missing_ok=True)
        return removed

    def remove_old(self) -> None:
        """Removes libraries of uploads that nobody used for long."""
        oldest = time.time() - self._keep_uploads_s
        for path in self._folder.glob(f"*/{_FACTS}"):
            library = self._read(path)
            if library and library.kind == "uploads" and path.stat().st_mtime < oldest:
                shutil.rmtree(path.parent, ignore_errors=True)

    def _new(self) -> Library:
        key = secrets.token_hex(12)
        videos = self._folder / key / _VIDEOS
        videos.mkdir(parents=True)
        title = f"Uploads of {time.strftime('%d %b, %H:%M:%S')}"
        return self._write(self._at(key, title, "uploads", videos))

    def _at(self, key: str, title: str, kind: Kind, videos: Path) -> Library:
        return Library(key, title, kind, str(videos), str(self._folder / key / _STORE))

    def _write(self, library: Library) -> Library:
        path = self._folder / library.key / _FACTS
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, json.dumps(asdict(library)).encode())
        return library

    def _read(self, path: Path) -> Library | None:
        try:
            facts = json.loads(path.read_text(encoding="utf-8"))
            library = self._at(path.parent.name, facts["title"], facts["kind"], facts["videos"])
        except (OSError, ValueError, KeyError, TypeError):
            return None  # Half of one that is being removed.
        return library if Path(library.videos).is_dir() else None

    def _touch(self, library: Library) -> None:
        path = self._folder / library.key / _FACTS
        if path.exists():
            os.utime(path)


def no_videos(files: Sequence[str]) -> tuple[str, ...]:
    """One sentence for each file that is no video by its name."""
    names = (Path(file).name for file in files if Path(file).suffix.lower() not in SUFFIXES)
    return tuple(f'"{name}" is no video by its name and is left out.' for name in names)


def _take(file: Path, folder: Path) -> None:
    """Puts a file into a folder under a name that is free there."""
    place, number = folder / file.name, 1
    while place.exists():
        number += 1
        place = folder / f"{file.stem} ({number}){file.suffix}"
    try:
        os.link(file, place)
    except OSError:
        shutil.copyfile(file, place)
