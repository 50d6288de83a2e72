"""The published test protocol over a list: every video in several views, their scores averaged."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import torch
from torch import Tensor, nn

from analysis.prediction.sampled_clip import frame_rule
from analysis.training.listed.answer_rows import AnswerRows
from analysis.training.listed.evaluation import Answer, Evaluation
from analysis.training.listed.frames import read_entry
from analysis.training.listed.list_file import Entry, ListError, Problem, VideoList
from analysis.video.limits import VideoError
from analysis.video.preprocess import Preprocessing, to_clip
from analysis.video.sampling import multi_view


@dataclass(frozen=True)
class Views:
    """How a video is shown to a model.

    num_frames: None for an image model. sampling: frame rule, see `frame_rule` in
    analysis.prediction. clips, crops: samplings in time x crops in space.
    """

    num_frames: int | None
    preprocessing: Preprocessing
    sampling: str = "k400"
    clips: int = 4
    crops: int = 3

    def __post_init__(self) -> None:
        # Raises ValueError for numbers that make no views.
        multi_view(self.clips, self.crops)


def evaluate_list(
    model: nn.Module,
    videos: VideoList,
    views: Views,
    *,
    rows: AnswerRows | None = None,
    heard: Callable[[Answer | Problem], None] = lambda row: None,
) -> Evaluation:
    """One answer per line of the list: probabilities averaged over views, and over an LVU line's
    windows, as published; values likewise in regression.

    rows: where answers are kept as they come, so that a stopped evaluation goes on; heard: told
    each answer and each file that could not be read, which is left out. Raises ListError, one
    sentence, where the model's outputs are not the list's classes, or are not numbers.
    """
    _check_outputs(model, videos)
    known = rows.known if rows else {}
    answers, problems = [], list(videos.problems)
    for line, entries in groupby(videos.entries, key=lambda entry: entry.line):
        row = known.get(line) or _answered(model, videos, list(entries), views)
        if rows and line not in known:
            rows.add(row)
        heard(row)
        (problems if isinstance(row, Problem) else answers).append(row)
    return Evaluation(
        list_name=videos.config.name,
        labels=videos.labels,
        clips=views.clips,
        crops=views.crops,
        answers=tuple(answers),
        problems=tuple(sorted(problems, key=lambda problem: problem.line)),
    )


def _check_outputs(model: nn.Module, videos: VideoList) -> None:
    outputs, expected = model.config.num_classes, len(videos.labels) or 1
    if outputs != expected:
        holds = f"{expected} classes" if videos.labels else "one value per video"
        raise ListError(
            f"{videos.config.name} holds {holds}, but the model has {outputs} outputs; choose the "
            "list or the weights that belong together."
        )


def _answered(
    model: nn.Module, videos: VideoList, entries: Sequence[Entry], views: Views
) -> Answer | Problem:
    line, target = entries[0].line, entries[0].target
    picture = videos.config.kind.images
    try:
        outputs = torch.stack(
            [
                outputs
                for entry in entries
                for clips in view_clips(entry, views, picture)
                for outputs in _outputs(model, clips)
            ]
        )
    except VideoError as error:
        return Problem(line, f"Line {line}: {error}")
    if not outputs.isfinite().all():
        raise ListError(f"The model's answer to line {line} is not a number; check its weights.")
    if videos.config.kind.regression:
        return Answer(line, target, float(outputs.mean()))
    means = outputs.double().softmax(-1).mean(0)
    order = means.argsort(descending=True, stable=True).tolist()
    return Answer(line, target, order[0], 1 + order.index(target))


def view_clips(entry: Entry, views: Views, picture: bool) -> Iterator[Tensor]:
    """Per sampling in time, its crops (crops, 3, T, H, W). The file is decoded once."""
    wanted = views.num_frames or 1

    def all_samplings(frame_count: int) -> np.ndarray:
        rules = (
            frame_rule(views.sampling, frame_count, wanted, number, views.clips)
            for number in range(views.clips)
        )
        return np.concatenate(list(rules))

    preprocessing = views.preprocessing
    frames = read_entry(entry, all_samplings, preprocessing.short_side, picture=picture)
    crops = [view.crop for view in multi_view(1, views.crops)]
    for sampling in np.split(frames, views.clips):
        yield torch.stack([to_clip(sampling, preprocessing, crop) for crop in crops])


def _outputs(model: nn.Module, clips: Tensor) -> Tensor:
    """Logits or values float32 (B, outputs), on the CPU."""
    if model.config.num_frames is None:
        clips = clips[:, :, 0]
    with torch.inference_mode():
        return model(clips.to(next(model.parameters()).device)).float().cpu()
