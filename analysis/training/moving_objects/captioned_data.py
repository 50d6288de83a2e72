"""Captioned clips as the data of a recipe."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from analysis.models.videomamba_retrieval import VideoMambaRetrieval
from analysis.text.word_pieces import WordPieces
from analysis.training.camera.photograph_material import (
    OverPhotographs,
    PhotographMaterial,
    read_photographs,
)
from analysis.training.camera.photograph_store import PhotographStore
from analysis.training.camera.photographs import Photograph
from analysis.training.clip_feed import normalised
from analysis.training.moving_objects.captioned_clips import CaptionedClips
from analysis.training.moving_objects.captions import vocabulary
from analysis.training.moving_objects.zero_shot import (
    GALLERY,
    caption_tokens,
    found_first,
    told_apart,
)
from analysis.training.rendered_clips import Draw, RenderedSource, held_out_batches
from analysis.training.source import Batch, Places, RunShape

EVALUATION_ROUNDS = 5


@dataclass(frozen=True)
class CaptionedClipsData(OverPhotographs):
    """Endless clips of moving objects and moving cameras, with a sentence each."""

    def load(self, places: Places, say: Callable[[str], None]) -> "CaptionedClipsMaterial":
        """Fetch or read the photographs; raises PhotographsError, one sentence."""
        return CaptionedClipsMaterial(self, read_photographs(places, say))


class CaptionedClipsMaterial(PhotographMaterial):
    """The photographs with their split; see `analysis.training.source.Material`.

    Targets of its batches are the token numbers of sentences, int64 (B, L), 0 at the end.
    """

    labels = ()
    label_order = None
    clips_per_epoch = None

    def __init__(self, data: OverPhotographs, photographs: Sequence[Photograph]):
        super().__init__(data, photographs)
        self.pieces = WordPieces(vocabulary())

    def training(self, run: RunShape) -> RenderedSource:
        """Seen compositions over the training photographs."""
        clips = self._clips("seen", self.training_photographs, run)
        return RenderedSource(self._draw(clips), self.data.easy_share, run)

    def held_out(self, run: RunShape, clips: int) -> Iterator[Batch]:
        """Compositions never seen over photographs never trained on."""
        drawn = self._clips("never_seen", self.held_out_photographs, run)
        return held_out_batches(self._draw(drawn), clips)

    def evaluate(self, model: VideoMambaRetrieval, run: RunShape) -> dict:
        """How often a sentence finds its own clip among 200 compositions never trained on."""
        over = self.held_out_photographs
        shares = {
            split: found_first(model, self._clips(split, over, run), self.pieces, EVALUATION_ROUNDS)
            for split in ("never_seen", "seen")
        }
        told = told_apart(model, self._clips("never_seen", over, run), self.pieces)
        new, known = (100 * shares[split] for split in ("never_seen", "seen"))
        return {
            "accuracy": round(new, 2),
            "accuracy_note": (
                f"text to video R@1 by similarity among {GALLERY} clips, each another combination "
                "of shape, colour, direction and camera move never trained on, over "
                f"{len(over)} photographs never trained on, mean of {EVALUATION_ROUNDS} galleries "
                f"(chance {100 / GALLERY:.1f} %); {known:.2f} % among {GALLERY} combinations "
                "trained on"
            ),
            "text_to_video_r1_percent": {
                "never_seen": round(new, 2),
                "seen": round(known, 2),
            },
            "told_apart_percent": {name: round(100 * share, 1) for name, share in told.items()},
        }

    def facts(self) -> dict:
        """Which photographs, and the words."""
        photographs = len(self.training_photographs)
        return {
            "data": f"captioned clips of shapes and cameras moving over {photographs} photographs",
            "note": (
                "It knows plain coloured shapes, which way they move and what the camera does, "
                f"and the {self._words} words for that."
            ),
            "photographs": self.photograph_facts(),
            "word_pieces": list(vocabulary()),
        }

    @property
    def _words(self) -> int:
        return sum(not piece.startswith("[") for piece in vocabulary())

    def _clips(
        self, split: str, photographs: Sequence[Photograph], run: RunShape
    ) -> CaptionedClips:
        store = PhotographStore.build(photographs)
        return CaptionedClips(store, split, num_frames=run.num_frames, image_size=run.image_size)

    def _draw(self, clips: CaptionedClips) -> Draw:
        def draw(*request) -> Batch:
            pixels, captions = clips.batch_of(*request)
            return Batch(normalised(pixels), caption_tokens(self.pieces, captions).tokens)

        return draw
