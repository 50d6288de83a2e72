"""What data sets drawn over photographs share: the split, and what the manifest says of it."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from analysis.training.camera.photograph_fetching import fetch_photographs
from analysis.training.camera.photographs import Photograph, load_photographs, split_photographs
from analysis.training.errors import require
from analysis.training.source import Places


@dataclass(frozen=True)
class OverPhotographs:
    """Base of the configs of such data sets.

    easy_share: share of the run during which clips grow from easy to full difficulty.
    held_out_share: of the photographs, never trained on.
    """

    easy_share: float = 0.3
    held_out_share: float = 0.15

    def __post_init__(self) -> None:
        for name in ("easy_share", "held_out_share"):
            value = getattr(self, name)
            require(0 <= value < 1, f"data.{name}", value, "at least 0 and below 1")


class PhotographMaterial:
    """Base of the materials: photographs to train on and photographs never trained on."""

    def __init__(self, data: OverPhotographs, photographs: Sequence[Photograph]):
        self.data = data
        self.training_photographs, self.held_out_photographs = split_photographs(
            photographs, data.held_out_share
        )
        self._hash = photographs_hash(photographs)

    def photograph_facts(self) -> dict:
        """Which photographs, for the manifest."""
        return {
            "training": len(self.training_photographs),
            "held_out": [photograph.name for photograph in self.held_out_photographs],
            "sha256": self._hash,
        }


def read_photographs(places: Places, say) -> tuple[Photograph, ...]:
    """Those of the folder asked for, else fetched ones; raises PhotographsError, one sentence."""
    folder = places.photographs or fetch_photographs(places.cache / "photographs", say)
    photographs = load_photographs(folder)
    say(f"{len(photographs)} photographs")
    return photographs


def photographs_hash(photographs: Sequence[Photograph]) -> str:
    """A hash of all names and pixels, to tell whether a run used the same photographs."""
    digest = hashlib.sha256()
    for photograph in photographs:
        digest.update(photograph.name.encode())
        digest.update(photograph.pixels.tobytes())
    return digest.hexdigest()
