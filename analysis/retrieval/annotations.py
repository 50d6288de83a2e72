"""The JSON lists by which the field tests text-video retrieval."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from analysis.retrieval.errors import RetrievalError
from analysis.text.caption_objects import CaptionsError, names_and_captions, read_objects
from analysis.text.word_pieces import plain_text


@dataclass(frozen=True)
class DataSet:
    """How the published evaluation reads a data set.

    max_length: tokens of the longest text. paragraph: whether the captions of a video are one
    text. first_s: only the first so many seconds of each video count; None for all.
    """

    title: str
    max_length: int
    paragraph: bool = False
    first_s: float | None = None


DATA_SETS = {
    "msrvtt": DataSet("MSR-VTT", 32),
    "didemo": DataSet("DiDeMo", 64, paragraph=True, first_s=30.0),
    "activitynet": DataSet("ActivityNet", 150, paragraph=True),
    "lsmdc": DataSet("LSMDC", 96),
    "msvd": DataSet("MSVD", 64),
}
"""By the names the command line knows; lists of other data sets are read like MSR-VTT's."""

_BEGINNINGS = {"anet": "activitynet"}


@dataclass(frozen=True)
class Annotations:
    """A list as it was read.

    videos: files, each once. texts: captions as the model reads them.
    text_videos: for every text the numbers of the videos it belongs to.
    problems: one sentence for everything left out.
    """

    data_set: DataSet
    videos: tuple[Path, ...]
    texts: tuple[str, ...]
    text_videos: tuple[tuple[int, ...], ...]
    problems: tuple[str, ...] = ()

    @property
    def video_texts(self) -> tuple[tuple[int, ...], ...]:
        """For every video the numbers of the texts that belong to it."""
        belonging: list[list[int]] = [[] for _ in self.videos]
        for text, videos in enumerate(self.text_videos):
            for video in videos:
                belonging[video].append(text)
        return tuple(map(tuple, belonging))

    def without(self, videos: Collection[int], problems: Collection[str]) -> "Annotations":
        """The list without some videos, and without the texts that belong to no other.

        `problems` say why. Raises RetrievalError when nothing is left.
        """
        kept = [number for number in range(len(self.videos)) if number not in videos]
        number_of = {old: new for new, old in enumerate(kept)}
        rows = [
            (text, tuple(number_of[video] for video in belonging if video in number_of))
            for text, belonging in zip(self.texts, self.text_videos, strict=True)
        ]
        left = [row for row in rows if row[1]]
        found = replace(
            self,
            videos=tuple(self.videos[number] for number in kept),
            texts=tuple(text for text, _ in left),
            text_videos=tuple(belonging for _, belonging in left),
            problems=(*self.problems, *problems),
        )
        return _not_empty(found)


def data_set_of(path: str | Path) -> str:
    """The data set that a list's file name begins with; "msrvtt" for names that say nothing."""
    name = Path(path).name.lower()
    known = {**{key: key for key in DATA_SETS}, **_BEGINNINGS}
    return next((key for start, key in known.items() if name.startswith(start)), "msrvtt")


def read_annotations(
    path: str | Path,
    videos: str | Path,
    data_set: DataSet = DATA_SETS["msrvtt"],
    *,
    inside: bool = False,
) -> Annotations:
    """Reads a list: objects with "video" and "caption", each a text or several.

    File names are relative to the folder `videos`; files are looked for but not opened. Several
    captions are as many texts, or one where the data set is one of paragraphs. A video that stands
    in several objects is one, with the captions of all. What cannot be used is left out and
    listed; with `inside` that includes files outside the folder, for lists of strangers.

    Raises RetrievalError, one sentence, for a file that is no such list and one of which nothing
    is left.
    """
    path, folder = Path(path), Path(videos)
    entries, problems = _objects(path), []
    number_of: dict[Path, int] = {}
    texts, text_videos = [], []
    for line, entry in enumerate(entries, 1):
        try:
            files, captions = _checked(entry, folder, data_set, inside)
        except ValueError as error:
            problems.append(f"Entry {line} {error}.")
            continue
        belonging = tuple(dict.fromkeys(number_of.setdefault(f, len(number_of)) for f in files))
        texts += captions
        text_videos += [belonging] * len(captions)
    found = Annotations(
        data_set, tuple(number_of), tuple(texts), tuple(text_videos), tuple(problems)
    )
    return _not_empty(found, f"{path.name} has nothing that can be used")


def _not_empty(found: Annotations, sentence: str = "Nothing is left of the list") -> Annotations:
    if not found.texts:
        first = f"; the first problem: {found.problems[0].rstrip('.')}" if found.problems else ""
        raise RetrievalError(f"{sentence}{first}.")
    return found


def _objects(path: Path) -> list[object]:
    try:
        return read_objects(path)
    except CaptionsError as error:
        raise RetrievalError(str(error)) from error


def _checked(
    entry: object, folder: Path, data_set: DataSet, inside: bool
) -> tuple[list[Path], list[str]]:
    """Files and texts of an entry; raises ValueError with the rest of a sentence on it."""
    names, captions = names_and_captions(entry)
    files = [folder / name for name in names]
    if inside:
        root = folder.resolve()
        for name, file in zip(names, files, strict=True):
            if not file.resolve().is_relative_to(root):
                raise ValueError(f"names {name}, which is outside the folder")
    if absent := [name for name, file in zip(names, files, strict=True) if not file.is_file()]:
        raise ValueError(f"names {absent[0]}, which does not exist")
    if data_set.paragraph:
        captions = [" ".join(captions)]
    texts = [text for text in map(plain_text, captions) if text]
    if not texts:
        raise ValueError(f"has no words for {names[0]}")
    return files, texts
