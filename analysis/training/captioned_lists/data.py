"""Lists of captioned files as the data of a recipe."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
import torch

from analysis.models.videomamba_retrieval import VideoMambaRetrieval
from analysis.ops.video_text import similarity
from analysis.text.word_pieces import (
    VocabularyError,
    WordPieces,
    find_vocabulary,
    read_vocabulary,
)
from analysis.training.captioned_lists.caption_list import (
    CaptionedFiles,
    CaptionList,
    read_captions,
)
from analysis.training.errors import RecipeError, require
from analysis.training.listed.augmentation import Augmentation
from analysis.training.listed.videos import ListedVideos
from analysis.training.source import Batch, Places, RunShape

_HELD_OUT_BATCH, _MOST_EVALUATED = 16, 1000
# Of the published pretraining: half of the picture at least, mirrored every other time.
_AUGMENTATION = Augmentation(scale=(0.5, 1.0), flip=True, policy=None, erase=0.0)
_PLAIN = Augmentation(scale=(1.0, 1.0), aspect=(1.0, 1.0), flip=False, policy=None, erase=0.0)


@dataclass(frozen=True)
class CaptionedListsData:
    """Captioned videos, and pictures if there are any; a batch is of one kind.

    Both lists are gone through together, each as often as it is long. held_out: of videos.
    max_length: tokens of the longest text. vocabulary: a vocab.txt; None for BERT's, see
    `analysis.text.word_pieces.find_vocabulary`.
    """

    videos: CaptionList
    held_out: CaptionList
    images: CaptionList | None = None
    augmentation: Augmentation = field(default=_AUGMENTATION)
    max_length: int = 32
    vocabulary: str | None = None

    def __post_init__(self) -> None:
        require(self.max_length >= 3, "data.max_length", self.max_length, "3 or more")

    @property
    def training(self) -> tuple[CaptionList, ...]:
        """The lists that are learned from."""
        return (self.videos,) if self.images is None else (self.videos, self.images)

    def load(self, places: Places, say: Callable[[str], None]) -> "CaptionedListsMaterial":
        """Read all lists and the vocabulary; raises ListError or RecipeError, one sentence."""
        try:
            pieces = WordPieces(read_vocabulary(find_vocabulary(self.vocabulary)))
        except VocabularyError as error:
            raise RecipeError(str(error)) from error
        lists = tuple(read_captions(_placed(one, places)) for one in self.training)
        held_out = read_captions(_placed(self.held_out, places))
        for read in (*lists, held_out):
            for problem in read.files.problems:
                say(f"{read.files.config.name}: {problem.sentence}")
            say(f"{len(read.files.entries)} files in {read.files.config.name}")
        return CaptionedListsMaterial(self, lists, held_out, pieces, say)


class CaptionedListsMaterial:
    """The lists as they were read; see `analysis.training.source.Material`.

    Targets of its batches are the token numbers of captions, int64 (B, L), padding at the end.
    """

    labels = ()
    label_order = None

    def __init__(
        self,
        data: CaptionedListsData,
        lists: Sequence[CaptionedFiles],
        held_out: CaptionedFiles,
        pieces: WordPieces,
        say: Callable[[str], None],
    ):
        self.data, self.lists, self.held_out_list = data, tuple(lists), held_out
        self.pieces, self._say = pieces, say
        self.clips_per_epoch = sum(len(one.files.entries) for one in lists)

    def training(self, run: RunShape) -> "CaptionedBatches":
        """Augmented clips and pictures, each with one of its captions."""
        return CaptionedBatches(self, run)

    def held_out(self, run: RunShape, clips: int) -> Iterator[Batch]:
        """Up to `clips` files from the start of the held-out list, whole and not mirrored."""
        files = self.held_out_list.files
        count = min(clips, len(files.entries))
        for start in range(0, count, _HELD_OUT_BATCH):
            size = min(_HELD_OUT_BATCH, count - start)
            part = replace(files, entries=files.entries[start : start + size])
            alone = replace(run, seed=0, batch_size=size, rank=0, world=1)
            source = self.source(replace(self.held_out_list, files=part), alone, _PLAIN)
            yield self.with_captions(self.held_out_list, source.batch(0), [0, start])

    def evaluate(self, model: VideoMambaRetrieval, run: RunShape) -> dict:
        """How often a held-out caption is most similar to its own video."""
        device, videos, texts = model.text_proj.weight.device, [], []
        model.eval()
        with torch.inference_mode():
            for batch in self.held_out(run, _MOST_EVALUATED):
                tokens = batch.targets.to(device)
                read = model.read(tokens, tokens == self.pieces.padding)
                texts.append(model.text_directions(read).cpu())
                seen = model.see(batch.clips.to(device))
                videos.append(model.video_directions(seen.pooled).cpu())
        best = similarity(torch.cat(videos), torch.cat(texts)).argmax(0)
        found = 100 * (best == torch.arange(len(best))).float().mean().item()
        return {
            "accuracy": round(found, 2),
            "accuracy_note": (
                f"text to video R@1 by similarity among {len(best)} videos of "
                f"{self.held_out_list.files.config.name} (chance {100 / len(best):.2g} %)"
            ),
        }

    def facts(self) -> dict:
        """Which lists."""
        every = (*self.lists, self.held_out_list)
        listed = ", ".join(one.files.config.name for one in self.lists)
        return {
            "data": f"{self.clips_per_epoch} captioned files listed in {listed}",
            "note": "",
            "lists": {
                one.files.config.name: {
                    "entries": len(one.files.entries),
                    "left_out": len(one.files.problems),
                }
                for one in every
            },
        }

    def source(
        self, read: CaptionedFiles, run: RunShape, augmentation: Augmentation
    ) -> ListedVideos:
        """Batches of a list whose targets are numbers of captions; pictures have one frame."""
        if read.files.config.kind.images:
            run = replace(run, num_frames=1)
        name = read.files.config.name
        return ListedVideos(
            read.files, augmentation, run, say=lambda sentence: self._say(f"{name}: {sentence}")
        )

    def with_captions(self, read: CaptionedFiles, batch: Batch, entropy: Sequence[int]) -> Batch:
        """The batch with token numbers of one caption each as its targets."""
        draws = np.random.default_rng([*entropy, 0x7E87])
        texts = [read.captions[number] for number in batch.targets.tolist()]
        chosen = [several[draws.integers(len(several))] for several in texts]
        return Batch(batch.clips, self.pieces.encode(chosen, self.data.max_length).tokens)


class CaptionedBatches:
    """Training batches, each of one list; see `analysis.training.source.Source`.

    An epoch goes through all lists, whose batches follow in an order that only the seed and the
    epoch's number decide.
    """

    def __init__(self, material: CaptionedListsMaterial, run: RunShape):
        self._material, self._run = material, run
        self._sources = [
            material.source(one, run, material.data.augmentation) for one in material.lists
        ]

    def batch(self, step: int) -> Batch:
        """The batch of this process for step number `step`."""
        run = self._run
        steps = tuple(source.steps_per_epoch for source in self._sources)
        epoch, place = divmod(step, sum(steps))
        order = _order(run.seed, epoch, steps)
        number = int(order[place])
        # As many of its own steps as there were in earlier epochs, and in this one so far.
        own = epoch * steps[number] + int((order[:place] == number).sum())
        read = self._material.lists[number]
        return self._material.with_captions(
            read, self._sources[number].batch(own), [run.seed, step, run.rank]
        )


@lru_cache(maxsize=4)
def _order(seed: int, epoch: int, steps: tuple[int, ...]) -> np.ndarray:
    """For each step of an epoch the number of the list that it takes."""
    numbers = np.repeat(np.arange(len(steps)), steps)
    return np.random.default_rng([seed, epoch, 0x115]).permutation(numbers)


def _placed(config: CaptionList, places: Places) -> CaptionList:
    if places.root is None:
        return config
    root = places.root if config.root is None else places.root / config.root
    return replace(config, path=str(places.root / config.path), root=str(root))
