"""Lists of real files as the data of a recipe."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace

import torch
from torch import nn

from analysis.training.errors import require
from analysis.training.listed.augmentation import Augmentation
from analysis.training.listed.list_file import Entry, ListError, ListFile, VideoList, read_list
from analysis.training.listed.multi_view import Views, evaluate_list, view_clips
from analysis.training.listed.videos import ListedVideos, as_targets
from analysis.training.source import Batch, Places, RunShape
from analysis.video.limits import VideoError
from analysis.video.preprocess import (
    COLOURS,
    Preprocessing,
    image_preprocessing,
    video_preprocessing,
)

_HELD_OUT_BATCH = 16


@dataclass(frozen=True)
class ListedData:
    """Videos or pictures of two lists.

    training, held_out: the lists, and what their paths are relative to, are looked for from the
        root that the run is given. repeats: times an entry is used in a row, decoded once and
        augmented differently (repeated sampling). colours: of COLOURS, those of what the model was
        trained on before.
    """

    training: ListFile
    held_out: ListFile
    augmentation: Augmentation = field(default_factory=Augmentation)
    repeats: int = 2
    colours: str = "imagenet"

    def __post_init__(self) -> None:
        known = " or ".join(COLOURS)
        require(self.colours in COLOURS, "data.colours", self.colours, known)
        require(self.repeats >= 1, "data.repeats", self.repeats, "1 or more")
        same = self.training.format == self.held_out.format
        require(same, "data.held_out.format", self.held_out.format, "that of data.training")

    def load(self, places: Places, say: Callable[[str], None]) -> "ListedMaterial":
        """Read both lists; raises ListError, one sentence."""
        training = read_list(_placed(self.training, places))
        # Where the format names no classes, held-out labels are judged by those learned.
        held_out = replace(self.held_out, classes=len(training.labels) or None)
        material = ListedMaterial(self, training, read_list(_placed(held_out, places)), say)
        for videos in (material.training_list, material.held_out_list):
            for problem in videos.problems:
                say(f"{videos.config.name}: {problem.sentence}")
            say(f"{len(videos.entries)} clips in {videos.config.name}")
        return material


class ListedMaterial:
    """The lists as they were read; see `analysis.training.source.Material`."""

    def __init__(
        self,
        data: ListedData,
        training: VideoList,
        held_out: VideoList,
        say: Callable[[str], None],
    ):
        if training.labels != held_out.labels:
            raise ListError(
                f"{training.config.name} and {held_out.config.name} hold different classes; use "
                "two lists of one data set."
            )
        self.data, self.training_list, self.held_out_list = data, training, held_out
        self.labels, self.label_order = training.labels, training.label_order
        self.clips_per_epoch = len(training.entries) * data.repeats
        self._say = say

    def training(self, run: RunShape) -> ListedVideos:
        """Augmented clips of the training list."""
        return ListedVideos(
            self.training_list,
            self.data.augmentation,
            run,
            repeats=self.data.repeats,
            colours=self.data.colours,
            say=lambda sentence: self._say(f"{self.training_list.config.name}: {sentence}"),
        )

    def held_out(self, run: RunShape, clips: int) -> Iterator[Batch]:
        """Up to `clips` entries, evenly spaced over the held-out list: middle frames and crop.

        Files that cannot be read are left out and told.
        """
        entries = self.held_out_list.entries
        count = min(clips, len(entries))
        chosen = [entries[number * len(entries) // count] for number in range(count)]
        regression = self.held_out_list.config.kind.regression
        for start in range(0, count, _HELD_OUT_BATCH):
            read = [(self._clip(entry, run), entry) for entry in chosen[start:][:_HELD_OUT_BATCH]]
            read = [(clip, entry.target) for clip, entry in read if clip is not None]
            if read:
                clips_read, targets = zip(*read, strict=True)
                yield Batch(torch.stack(clips_read), as_targets(list(targets), regression))

    def evaluate(self, model: nn.Module, run: RunShape) -> dict:
        """Scores over the whole held-out list in the views of its format."""
        videos = self.held_out_list
        kind = videos.config.kind
        views = Views(
            run.num_frames,
            self._preprocessing(run.image_size),
            kind.sampling,
            kind.clips,
            kind.crops,
        )
        evaluation = evaluate_list(model.eval(), videos, views)
        videos.check(evaluation.problems)
        shown = evaluation.as_dict()
        note = f"on {shown['videos']} entries of {videos.config.name}, {shown['views']} views"
        if not self.labels:
            note = f"mean squared error {evaluation.mean_squared_error:.4g} {note}"
            return {"accuracy": None, "accuracy_note": note, **shown}
        accuracy = evaluation.top1_percent
        return {
            "accuracy": None if accuracy is None else round(accuracy, 2),
            "accuracy_note": f"top-1 {note}",
            **shown,
        }

    def facts(self) -> dict:
        """Which lists, and how clips of them are prepared."""
        training, held_out = self.training_list, self.held_out_list
        things = "pictures" if training.config.kind.images else "clips"
        return {
            "data": f"{len(training.entries)} {things} listed in {training.config.name}",
            "note": "",
            "preprocessing": _without_size(self._preprocessing(1)),
            "lists": {
                videos.config.name: {
                    "format": videos.config.format,
                    "entries": len(videos.entries),
                    "left_out": len(videos.problems),
                }
                for videos in (training, held_out)
            },
        }

    def _preprocessing(self, image_size: int) -> Preprocessing:
        pictures = self.held_out_list.config.kind.images
        rule = (image_preprocessing if pictures else video_preprocessing)(image_size)
        mean, std = COLOURS[self.data.colours]
        return replace(rule, mean=mean, std=std)

    def _clip(self, entry: Entry, run: RunShape) -> torch.Tensor | None:
        kind = self.held_out_list.config.kind
        rule = self._preprocessing(run.image_size)
        view = Views(run.num_frames, rule, kind.sampling, clips=1, crops=1)
        try:
            ((clip,),) = view_clips(entry, view, kind.images)
        except VideoError as error:
            self._say(f"{self.held_out_list.config.name}: Line {entry.line}: {error}")
            return None
        return clip if run.num_frames else clip[:, 0]


def _without_size(rule: Preprocessing) -> dict:
    """As the entry of a checkpoint has it."""
    return {key: value for key, value in asdict(rule).items() if key != "image_size"}


def _placed(config: ListFile, places: Places) -> ListFile:
    if places.root is None:
        return config
    root = places.root if config.root is None else places.root / config.root
    return replace(config, path=str(places.root / config.path), root=str(root))
