"""A list of files with captions, as training reads it."""

from dataclasses import dataclass
from pathlib import Path

from analysis.text.caption_objects import CaptionsError, names_and_captions, read_objects
from analysis.text.word_pieces import plain_text
from analysis.training.errors import require
from analysis.training.listed.list_file import Entry, ListError, ListFile, Problem, VideoList

MEDIA = {"video": "k400", "image": "images"}
"""Keys of file names in a list's objects, each with the list format whose files are read alike."""


@dataclass(frozen=True)
class CaptionList:
    """Which list, and how it is read.

    path: a JSON list of objects with `medium` (a file name, or several) and "caption" (a text, or
        several, of which one is drawn whenever the file is used).
    medium: one of MEDIA. root: what file names are relative to; None for the folder of the list.
    bad_share: share of objects, 0 to 1, that may be bad before a run is stopped; never all.
    """

    path: str
    medium: str = "video"
    root: str | None = None
    bad_share: float = 0.02

    def __post_init__(self) -> None:
        require(self.medium in MEDIA, "captions.medium", self.medium, " or ".join(MEDIA))
        require(0 <= self.bad_share <= 1, "captions.bad_share", self.bad_share, "from 0 to 1")


@dataclass(frozen=True)
class CaptionedFiles:
    """A list as it was read: the files, whose targets are numbers of their `captions`."""

    files: VideoList
    captions: tuple[tuple[str, ...], ...]


def read_captions(config: CaptionList) -> CaptionedFiles:
    """Read a list; files are looked for but not opened.

    Raises ListError, one sentence, where there is no such list, it is empty, or more than
    `bad_share` of its objects are bad (missing file, no words). Their numbers count from 1.
    """
    path = Path(config.path)
    try:
        objects = read_objects(path)
    except CaptionsError as error:
        raise ListError(str(error)) from error
    if not objects:
        raise ListError(f"The list {path.name} is empty; every object has to name a file.")
    root = Path(config.root) if config.root else path.parent
    entries, problems, captions = [], [], []
    for number, one in enumerate(objects, 1):
        try:
            files, texts = _checked(one, config.medium, root)
        except ValueError as error:
            problems.append(Problem(number, f"Entry {number} {error}."))
            continue
        entries += [Entry(number, str(file), len(captions)) for file in files]
        captions.append(tuple(texts))
    as_list = ListFile(config.path, config.root, MEDIA[config.medium], bad_share=config.bad_share)
    files = VideoList(as_list, tuple(entries), tuple(problems), (), None, lines=len(objects))
    files.check()
    return CaptionedFiles(files, tuple(captions))


def _checked(one: object, medium: str, root: Path) -> tuple[list[Path], list[str]]:
    names, captions = names_and_captions(one, medium)
    files = [root / name for name in names]
    if absent := [name for name, file in zip(names, files, strict=True) if not file.is_file()]:
        raise ValueError(f"names {absent[0]}, which does not exist")
    texts = [text for text in map(plain_text, captions) if text]
    if not texts:
        raise ValueError(f"has no words for {names[0]}")
    return files, texts
