"""Real photographs that camera moves are rendered from, and their split into two sets."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from analysis.training.errors import TrainingError

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
SMALLEST_SIDE = 240
TRAINING_SHORT_SIDE = 512

# Two photographs whose 16x16 grey thumbnails correlate this much show the same scene.
_SAME_SCENE = 0.93


class PhotographsError(TrainingError):
    """Photographs are missing or cannot be read; the message says what to do."""


@dataclass(frozen=True)
class Photograph:
    """One photograph: `name` is its path below its folder, `pixels` uint8 (H, W, 3) RGB."""

    name: str
    pixels: np.ndarray


def load_photographs(
    folder: Path, *, short_side: int = TRAINING_SHORT_SIDE
) -> tuple[Photograph, ...]:
    """Every photograph below `folder`, sorted by name, its short side reduced to `short_side`.

    Pictures under 240 pixels and pictures that are mostly flat (drawings, gradients) are left
    out. Raises PhotographsError when nothing usable is left.
    """
    folder = Path(folder)
    photographs = []
    for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES):
        pixels = _read(path, short_side)
        if min(pixels.shape[:2]) >= SMALLEST_SIDE and not is_mostly_flat(pixels):
            photographs.append(Photograph(path.relative_to(folder).as_posix(), pixels))
    if not photographs:
        raise PhotographsError(
            f"No usable photographs below {folder}: put JPEG, PNG or WebP photographs of at least "
            f"{SMALLEST_SIDE} pixels there."
        )
    return tuple(photographs)


def _read(path: Path, short_side: int) -> np.ndarray:
    try:
        with Image.open(path) as image:
            image.draft("RGB", (2 * short_side, 2 * short_side))
            picture = image.convert("RGB")
    except (OSError, ValueError) as error:
        raise PhotographsError(f"{path} cannot be read as a photograph ({error}).") from error
    factor = short_side / min(picture.size)
    if factor < 1.0:
        size = tuple(max(1, round(side * factor)) for side in picture.size)
        picture = picture.resize(size, Image.Resampling.BOX if factor < 0.5 else None)
    return np.asarray(picture)


def is_mostly_flat(pixels: np.ndarray) -> bool:
    """Whether more than 60 % of 16x16 tiles, at 256 pixels short side, hardly vary in grey level.

    `pixels` is uint8 (H, W, 3).
    """
    grey = Image.fromarray(pixels).convert("L")
    factor = 256 / min(grey.size)
    grey = grey.resize(tuple(max(16, round(side * factor)) for side in grey.size))
    tiles = np.asarray(grey, np.float32)
    height, width = (side // 16 for side in tiles.shape)
    tiles = tiles[: height * 16, : width * 16].reshape(height, 16, width, 16)
    return bool((tiles.std(axis=(1, 3)) < 2.0).mean() > 0.6)


def split_photographs(
    photographs: Sequence[Photograph], held_out_share: float = 0.15
) -> tuple[tuple[Photograph, ...], tuple[Photograph, ...]]:
    """Photographs to train on and photographs never trained on.

    Photographs of the same scene (the same picture in two sizes, two frames of one camera) stay
    on one side. The choice depends only on names, so it is the same on every machine with the
    same photographs.
    """
    groups = _scenes(photographs)
    groups.sort(key=lambda group: hashlib.sha256(photographs[group[0]].name.encode()).digest())
    wanted = round(held_out_share * len(photographs))
    held_out: set[int] = set()
    for group in groups:
        if len(held_out) >= wanted:
            break
        held_out.update(group)
    training = tuple(p for i, p in enumerate(photographs) if i not in held_out)
    return training, tuple(photographs[i] for i in sorted(held_out))


def _scenes(photographs: Sequence[Photograph]) -> list[list[int]]:
    """Indices grouped by scene."""
    thumbnails = []
    for photograph in photographs:
        small = Image.fromarray(photograph.pixels).convert("L").resize((16, 16))
        values = np.asarray(small, np.float32).ravel()
        values -= values.mean()
        thumbnails.append(values / (np.linalg.norm(values) + 1e-6))
    similar = np.stack(thumbnails) @ np.stack(thumbnails).T > _SAME_SCENE
    groups: list[list[int]] = []
    unseen = set(range(len(photographs)))
    while unseen:
        frontier, group = [min(unseen)], []
        while frontier:
            index = frontier.pop()
            if index in unseen:
                unseen.remove(index)
                group.append(index)
                frontier.extend(np.flatnonzero(similar[index]).tolist())
        groups.append(sorted(group))
    return groups
