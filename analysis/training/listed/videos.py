"""Batches of augmented clips from the files of a list."""

import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import groupby

import numpy as np
import torch
from torch import Tensor

from analysis.training.listed.augmentation import Augmentation
from analysis.training.listed.frames import read_entry, training_rule
from analysis.training.listed.list_file import Entry, Problem, VideoList
from analysis.training.source import Batch, RunShape
from analysis.video.limits import VideoError

# Frames are decoded to this multiple of the model's side: the published lists hold videos with a
# short side of 320 for models of 224.
_DECODED_SIDE = 10 / 7


class ListedVideos:
    """Training batches; see `analysis.training.source.Source`.

    Every epoch goes through the list in an order that only the seed and the epoch's number decide,
    and gives each entry `repeats` times in a row: the same frames, augmented differently. Clips
    are dealt out over the processes; what does not fill a last batch of all is left out. A file
    that fails to decode is replaced by another that seed, epoch and place decide, and told to
    `say` once; when too many lines have failed, ListError ends the run.
    """

    def __init__(
        self,
        videos: VideoList,
        augmentation: Augmentation,
        run: RunShape,
        *,
        repeats: int = 1,
        colours: str = "imagenet",
        say: Callable[[str], None] = lambda sentence: None,
    ):
        self.videos, self.augmentation, self.run = videos, augmentation, run
        self.repeats, self.colours, self._say = repeats, colours, say
        self._failed: dict[int, Problem] = {}
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(_threads(), thread_name_prefix="clip")

    @property
    def failed(self) -> tuple[Problem, ...]:
        """Lines whose files could not be decoded so far."""
        return tuple(self._failed.values())

    @property
    def steps_per_epoch(self) -> int:
        """Steps in which an epoch is gone through."""
        clips = len(self.videos.entries) * self.repeats
        return max(1, clips // (self.run.batch_size * self.run.world))

    def batch(self, step: int) -> Batch:
        """The batch of this process for step number `step`."""
        run = self.run
        epoch, step = divmod(step, self.steps_per_epoch)
        first = (step * run.world + run.rank) * run.batch_size
        numbers = range(first, first + run.batch_size)
        places = [
            (epoch, place, [number % self.repeats for number in group])
            for place, group in groupby(numbers, key=lambda number: number // self.repeats)
        ]
        made = list(self._pool.map(lambda place: self._clips(*place), places))
        clips = torch.stack([clip for clips, _ in made for clip in clips])
        targets = [target for clips, target in made for _ in clips]
        return Batch(
            clips if run.num_frames else clips[:, :, 0],
            as_targets(targets, regression=self.videos.config.kind.regression),
        )

    def _clips(
        self, epoch: int, place: int, repeats: Iterable[int]
    ) -> tuple[list[Tensor], int | float]:
        """Differently augmented clips of one entry, with its target."""
        entry, frames = self._first_readable(epoch, place)
        clips = [
            self.augmentation.apply(
                frames,
                self.run.image_size,
                self.videos.config.kind.flip,
                np.random.default_rng([self.run.seed, epoch, place, 1, repeat]),
                self.colours,
            )
            for repeat in repeats
        ]
        return clips, entry.target

    def _first_readable(self, epoch: int, place: int) -> tuple[Entry, np.ndarray]:
        """The entry of a place, or the first that stands in for it, with its frames."""
        attempt = 0
        while True:
            entry = self._entry(epoch, place, attempt)
            draws = np.random.default_rng([self.run.seed, epoch, place, 2, attempt])
            try:
                return entry, self._frames(entry, draws)
            except VideoError as error:
                self._fail(entry, error)
            attempt += 1

    def _entry(self, epoch: int, place: int, attempt: int) -> Entry:
        entries = self.videos.entries
        if attempt == 0:
            return entries[_order(self.run.seed, epoch, len(entries))[place % len(entries)]]
        draws = np.random.default_rng([self.run.seed, epoch, place, 3, attempt])
        return entries[draws.integers(len(entries))]

    def _frames(self, entry: Entry, generator: np.random.Generator) -> np.ndarray:
        kind = self.videos.config.kind
        rule = training_rule(kind.sampling, self.run.num_frames or 1, generator)
        side = round(self.run.image_size * _DECODED_SIDE)
        return read_entry(entry, rule, side, picture=kind.images)

    def _fail(self, entry: Entry, error: VideoError) -> None:
        problem = Problem(entry.line, f"Line {entry.line}: {error}")
        with self._lock:
            if entry.line in self._failed:
                return
            self._failed[entry.line] = problem
            self._say(problem.sentence)
            self.videos.check((*self.videos.problems, *self._failed.values()))


def _threads() -> int:
    # More would wait for each other's Python, and decoding brings threads of its own.
    return min(8, os.cpu_count() or 1)


@lru_cache(maxsize=4)
def _order(seed: int, epoch: int, entries: int) -> np.ndarray:
    return np.random.default_rng([seed, epoch, 0x0E0C]).permutation(entries)


def as_targets(targets: list, regression: bool) -> Tensor:
    """Class numbers int64 (B,), or values float32 (B, 1)."""
    if regression:
        return torch.tensor(targets, dtype=torch.float32)[:, None]
    return torch.tensor(targets, dtype=torch.int64)
