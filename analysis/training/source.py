"""What a run is fed: batches that depend on nothing but the run's shape and the step number."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

_AHEAD = 4


@dataclass(frozen=True)
class Batch:
    """Clips with what a model should say about them.

    clips: float32, normalised as the model is fed: (B, 3, T, H, W), images (B, 3, H, W).
    targets: int64 (B,) class numbers; float32 (B, classes) once mixed, rows summing to 1; float32
        (B, 1) values in regression.
    """

    clips: Tensor
    targets: Tensor

    def __len__(self) -> int:
        return len(self.clips)

    def part(self, index: int, parts: int) -> "Batch":
        """Every `parts`-th clip from number `index` on."""
        return Batch(self.clips[index::parts], self.targets[index::parts])

    def to(self, device: torch.device) -> "Batch":
        """The same batch on another device."""
        return Batch(self.clips.to(device), self.targets.to(device))


@dataclass(frozen=True)
class RunShape:
    """What a source has to know about the run it feeds.

    batch_size: clips of one step in one process; rank of `world` processes; steps in all.
    """

    seed: int
    batch_size: int
    steps: int
    num_frames: int | None
    image_size: int
    rank: int = 0
    world: int = 1


class Source(Protocol):
    """Training batches. `batch` may be called from several threads at once, in any order."""

    def batch(self, step: int) -> Batch:
        """The batch of this process for step number `step`, the same whenever it is asked for."""


class Material(Protocol):
    """Data that is loaded and ready: what it trains with, what it is tested with.

    labels: class names in order; empty in regression.
    label_order: their name for `analysis.video.labels`; None where a list file brought them.
    clips_per_epoch: None for endless data.
    """

    labels: tuple[str, ...]
    label_order: str | None
    clips_per_epoch: int | None

    def training(self, run: RunShape) -> Source:
        """The source of a run."""

    def held_out(self, run: RunShape, clips: int) -> Iterator[Batch]:
        """The same `clips` clips, never trained on, at every call."""

    def evaluate(self, model: nn.Module, run: RunShape) -> dict[str, Any]:
        """Thorough scores for the manifest: at least `accuracy` in percent and `accuracy_note`."""

    def facts(self) -> dict[str, Any]:
        """What it is made of, for the manifest; `data` is one phrase."""


@dataclass(frozen=True)
class Places:
    """Where data lies on this machine; not part of a recipe.

    cache: what is fetched or rendered once; photographs: a folder to use instead of fetched ones;
    root: what paths in list files are relative to; footage: videos for camera moves to be
    evaluated over.
    """

    cache: Path
    photographs: Path | None = None
    root: Path | None = None
    footage: tuple[Path, ...] = ()


class Data(Protocol):
    """The part of a recipe that says which data; a frozen dataclass."""

    def load(self, places: Places, say: Callable[[str], None]) -> Material:
        """Fetch or open the data, telling `say` what takes long; raises TrainingError."""


def batches_ahead(source: Source, first: int, last: int, threads: int = 2) -> Iterator[Batch]:
    """The batches of steps `first` to `last - 1`, prepared a few steps ahead in the background."""
    with ThreadPoolExecutor(threads, thread_name_prefix="batch") as pool:
        waiting: deque[Future] = deque()
        try:
            for step in range(first, last):
                waiting.append(pool.submit(source.batch, step))
                if len(waiting) > _AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
