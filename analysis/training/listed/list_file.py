"""List files of the field: a line names a video or picture, its label, and maybe a part of it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from analysis.training.errors import TrainingError, require
from analysis.training.listed.list_formats import LIST_FORMATS, ListFormat
from analysis.video.labels import label_names, numbered_labels

_SEPARATORS = (",", "\t", ";", None)
_PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")


class ListError(TrainingError):
    """A list that cannot be used; the message is one sentence."""


@dataclass(frozen=True)
class ListFile:
    """Which list, and how it is read.

    path: a text file, or for `format` "images" a folder with a folder of pictures per class.
    root: what the paths in it are relative to; None for the folder of the list.
    format: one of LIST_FORMATS.
    classes: number of classes; None for that of the format's class order, or one more than the
        largest label where it has none.
    bad_share: share of lines, 0 to 1, that may be bad before a run is stopped; never all of them.
    window_s, window_stride_s: how LVU lines that give only a duration are cut, in seconds.
    """

    path: str
    root: str | None = None
    format: str = "k400"
    classes: int | None = None
    bad_share: float = 0.02
    window_s: float = 60.0
    window_stride_s: float = 16.0

    def __post_init__(self) -> None:
        known = " or ".join(LIST_FORMATS)
        require(self.format in LIST_FORMATS, "list.format", self.format, known)
        holds = self.classes is None or self.classes >= 1
        require(holds, "list.classes", self.classes, "1 or more, or None")
        require(0 <= self.bad_share <= 1, "list.bad_share", self.bad_share, "from 0 to 1")
        for name in ("window_s", "window_stride_s"):
            require(getattr(self, name) > 0, f"list.{name}", getattr(self, name), "above 0")

    @property
    def kind(self) -> ListFormat:
        """What is known about the format."""
        return LIST_FORMATS[self.format]

    @property
    def name(self) -> str:
        """The list's name without its folder."""
        return Path(self.path).name


@dataclass(frozen=True, slots=True)
class Entry:
    """A video, part of a video from start_s to end_s (seconds), or a picture.

    line: of the list, from 1. target: class number, or the value to predict.
    """

    line: int
    path: str
    target: int | float
    start_s: float | None = None
    end_s: float | None = None


@dataclass(frozen=True)
class Problem:
    """A line that cannot be used, in one sentence that begins with its number."""

    line: int
    sentence: str


@dataclass(frozen=True)
class VideoList:
    """A list as it was read.

    entries: in the order of the list; an LVU line with a duration gives one per window.
    problems: the lines left out.
    labels: class names in order, empty in regression; label_order: their name, if they have one.
    lines: that say something.
    """

    config: ListFile
    entries: tuple[Entry, ...]
    problems: tuple[Problem, ...]
    labels: tuple[str, ...]
    label_order: str | None
    lines: int

    def check(self, problems: Sequence[Problem] | None = None) -> None:
        """Raises ListError where `problems` (by default the list's own) are too many."""
        problems = self.problems if problems is None else problems
        if len(problems) > self.config.bad_share * self.lines or len(problems) == self.lines:
            first = problems[0].sentence.rstrip(".")
            raise ListError(
                f"{self.config.name} has {len(problems)} bad of {self.lines} lines, where "
                f"{100 * self.config.bad_share:g} % are allowed; the first: {first}."
            )


def read_list(config: ListFile) -> VideoList:
    """Read a list; files are looked for but not opened.

    Raises ListError, one sentence, where there is no such list, it is empty, or more than
    `bad_share` of its lines are bad (missing file, label, value or times that make no sense).
    """
    path = Path(config.path)
    if config.kind.images and path.is_dir():
        return _read_class_folders(config, path)
    lines = _lines(path)
    separator, layout = _layout([text for _, text in lines[:1000]], config.kind.layouts)
    root = Path(config.root) if config.root else path.parent
    entries, problems = [], []
    classes = _known_classes(config)
    for number, text in lines:
        try:
            entries += _entries(config, number, _fields(text, separator, layout), root, classes)
        except ValueError as error:
            problems.append(Problem(number, f"Line {number} {error}."))
    labels, label_order = _labels(config, classes, entries)
    videos = VideoList(
        config, tuple(entries), tuple(problems), labels, label_order, lines=len(lines)
    )
    videos.check()
    return videos


def _lines(path: Path) -> list[tuple[int, str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise ListError(f"The list {path} cannot be read ({reason}); name a text file.") from error
    except UnicodeDecodeError as error:
        raise ListError(f"{path.name} is no text in UTF-8; name a list file.") from error
    numbered = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1)]
    lines = [(number, line) for number, line in numbered if line]
    if not lines:
        raise ListError(f"The list {path.name} is empty; every line has to name a file.")
    return lines


def _layout(texts: list[str], layouts) -> tuple[str | None, tuple[str, ...]]:
    """The separator and layout by which most lines have numbers where numbers belong."""

    def fits(candidate) -> tuple[int, int]:
        separator, layout = candidate
        split = [_split(text, separator, layout) for text in texts]
        whole = [fields[1:] for fields in split if len(fields) == len(layout)]
        return sum(all(map(_is_number, fields)) for fields in whole), len(whole)

    candidates = [(separator, layout) for layout in layouts for separator in _SEPARATORS]
    return max(candidates, key=fits)


def _split(text: str, separator: str | None, layout: Sequence[str]) -> list[str]:
    """From the right, since paths may hold the separator."""
    return [field.strip() for field in text.rsplit(separator, len(layout) - 1)]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _fields(text: str, separator: str | None, layout: Sequence[str]) -> dict[str, str]:
    fields = _split(text, separator, layout)
    if len(fields) < len(layout):
        expected = " ".join(layout)
        raise ValueError(f'has {len(fields)} of {len(layout)} fields; "{expected}" was expected')
    return dict(zip(layout, fields, strict=True))


def _entries(
    config: ListFile, line: int, fields: dict[str, str], root: Path, classes: int | None
) -> list[Entry]:
    """The entries of one line; raises ValueError with the rest of a sentence on the line."""
    name = fields["path"].strip("\"'")
    value = _number(fields["value"], "value") if config.kind.regression else None
    target = _label(fields["label"], classes) if value is None else value
    windows = _windows(config, fields)
    path = root / name
    if not path.is_file():
        raise ValueError(f"names {name}, which does not exist")
    return [Entry(line, str(path), target, start_s, end_s) for start_s, end_s in windows]


def _label(text: str, classes: int | None) -> int:
    try:
        label = int(text)
    except ValueError:
        raise ValueError(f'has the label "{text}", which is not a whole number') from None
    if label < 0 or (classes is not None and label >= classes):
        among = "of 0 or more" if classes is None else f"of the {classes} from 0 to {classes - 1}"
        raise ValueError(f"has the label {label}, which is none {among}")
    return label


def _number(text: str, what: str) -> float:
    number = float(text) if _is_number(text) else math.nan
    if not math.isfinite(number):
        raise ValueError(f'has the {what} "{text}", which is not a number')
    return number


def _windows(config: ListFile, fields: dict[str, str]) -> list[tuple[float | None, float | None]]:
    if "duration" in fields:
        duration = _number(fields["duration"], "duration")
        if duration <= 0:
            raise ValueError(f"has a duration of {duration:g} s, which is not above 0")
        return list(cut_windows(duration, config.window_s, config.window_stride_s))
    if "start" not in fields:
        return [(None, None)]
    start_s, end_s = _number(fields["start"], "start"), _number(fields["end"], "end")
    if start_s < 0:
        raise ValueError(f"starts at {start_s:g} s, before the video does")
    if end_s <= start_s:
        raise ValueError(f"ends at {end_s:g} s, which is not after its start at {start_s:g} s")
    return [(start_s, end_s)]


def cut_windows(
    duration_s: float, window_s: float, stride_s: float
) -> tuple[tuple[float, float], ...]:
    """Start and end of the windows into which the published LVU reader cuts a video, in seconds.

    A video shorter than a window is one; what is left at the end counts from half a window on.
    """
    if duration_s < window_s:
        return ((0.0, duration_s),)
    starts = [number * stride_s for number in range(math.ceil(duration_s / stride_s))]
    kept = [start for start in starts if start + window_s / 2 <= duration_s]
    return tuple((start, min(start + window_s, duration_s)) for start in kept)


def _known_classes(config: ListFile) -> int | None:
    order = config.kind.label_order
    if config.classes is not None or order is None:
        return config.classes
    return len(label_names(order))


def _labels(
    config: ListFile, classes: int | None, entries: Sequence[Entry]
) -> tuple[tuple[str, ...], str | None]:
    if config.kind.regression:
        return (), None
    order = config.kind.label_order
    if order is not None and len(label_names(order)) == classes:
        return label_names(order), order
    if classes is None:
        classes = 1 + max((int(entry.target) for entry in entries), default=-1)
    return numbered_labels(classes), None


def _read_class_folders(config: ListFile, folder: Path) -> VideoList:
    """Classes are the folders by name; "lines" count the pictures."""
    labels = tuple(sorted(inner.name for inner in folder.iterdir() if inner.is_dir()))
    pictures = [
        (str(picture), number)
        for number, label in enumerate(labels)
        for picture in sorted((folder / label).iterdir())
        if picture.suffix.lower() in _PICTURES
    ]
    if not pictures:
        raise ListError(f"{folder.name} has no folders of pictures; a folder per class is needed.")
    if config.classes not in (None, len(labels)):
        raise ListError(f"{folder.name} has {len(labels)} classes, not {config.classes}.")
    entries = tuple(Entry(n, path, target) for n, (path, target) in enumerate(pictures, 1))
    return VideoList(config, entries, (), labels, None, lines=len(entries))
