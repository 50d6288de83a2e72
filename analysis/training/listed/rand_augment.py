"""RandAugment (arXiv 1909.13719) over clips: the same random choices for all frames.

Operations, strengths and the policy strings are those of timm, with which the published models
were trained.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

from analysis.training.errors import RecipeError, require

_STRONGEST = 10.0
# What geometry uncovers is filled with the mean of ImageNet.
FILL = (124, 116, 104)


@dataclass(frozen=True)
class RandAugment:
    """A policy: `count` operations drawn with repeats, each applied with `probability`.

    magnitude: mean strength, 0 to 10; deviation: its standard deviation.
    increasing: whether a greater magnitude means a greater change in every operation.
    """

    magnitude: float = 9.0
    count: int = 2
    deviation: float = 0.0
    increasing: bool = False
    probability: float = 0.5

    def __post_init__(self) -> None:
        holds = 0 <= self.magnitude <= _STRONGEST
        require(holds, "The policy's magnitude (m)", self.magnitude, "from 0 to 10")
        require(self.count >= 1, "The policy's count (n)", self.count, "1 or more")
        require(self.deviation >= 0, "The policy's deviation (mstd)", self.deviation, "0 or more")
        holds = 0 <= self.probability <= 1
        require(holds, "The policy's probability (p)", self.probability, "from 0 to 1")


@dataclass(frozen=True)
class Change:
    """One operation with its strength, -1 to 1."""

    operation: str
    strength: float


_PARTS = {
    "m": ("magnitude", float),
    "n": ("count", int),
    "mstd": ("deviation", float),
    "inc": ("increasing", lambda text: bool(int(text))),
    "p": ("probability", float),
}


def parse_policy(text: str) -> RandAugment:
    """The policy of a string such as "rand-m7-n4-mstd0.5-inc1".

    Raises RecipeError, one sentence, for anything else.
    """
    name, *parts = text.split("-")
    if name != "rand":
        raise RecipeError(
            f'The policy "{text}" is not known; write one as rand-m7-n4-mstd0.5-inc1.'
        )
    fields = {}
    for part in parts:
        match = re.fullmatch(r"([a-z]+)([0-9.]+)", part)
        key = match and _PARTS.get(match[1])
        try:
            fields[key[0]] = key[1](match[2])
        except (TypeError, ValueError):
            raise RecipeError(
                f'The part "{part}" of the policy "{text}" is not known; its parts are '
                f"{', '.join(_PARTS)}, each with a number."
            ) from None
    return RandAugment(**fields)


def draw_changes(policy: RandAugment, generator: np.random.Generator) -> tuple[Change, ...]:
    """The operations for one clip."""
    changes = []
    for name in generator.choice(list(OPERATIONS), policy.count):
        applied = generator.random() < policy.probability
        level = generator.normal(policy.magnitude, policy.deviation)
        sign = generator.choice((-1.0, 1.0))
        if applied:
            strength = sign * min(max(level, 0.0), _STRONGEST) / _STRONGEST
            changes.append(Change(str(name), float(strength)))
    return tuple(changes)


def apply_changes(
    frames: np.ndarray, changes: tuple[Change, ...], increasing: bool = True
) -> np.ndarray:
    """Frames uint8 (T, H, W, 3) changed one operation after the other, each frame for itself."""
    if not changes:
        return frames
    changed = []
    for frame in frames:
        image = Image.fromarray(frame)
        for change in changes:
            image = OPERATIONS[change.operation](image, change.strength, increasing)
        changed.append(np.asarray(image))
    return np.stack(changed)


Operation = Callable[[Image.Image, float, bool], Image.Image]


def _affine(image: Image.Image, matrix: tuple[float, ...]) -> Image.Image:
    return image.transform(
        image.size, Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC, fillcolor=FILL
    )


def _rotate(image: Image.Image, strength: float, increasing: bool) -> Image.Image:
    return image.rotate(30 * strength, Image.Resampling.BICUBIC, fillcolor=FILL)


def _posterize(image: Image.Image, strength: float, increasing: bool) -> Image.Image:
    bits = int(4 * abs(strength))
    return ImageOps.posterize(image, 4 - bits if increasing else bits)


def _solarize(image: Image.Image, strength: float, increasing: bool) -> Image.Image:
    threshold = int(256 * abs(strength))
    return ImageOps.solarize(image, 256 - threshold if increasing else threshold)


def _solarize_add(image: Image.Image, strength: float, increasing: bool) -> Image.Image:
    add = int(110 * abs(strength))
    return image.point([min(255, i + add) if i < 128 else i for i in range(256)] * 3)


def _enhance(kind: type) -> Operation:
    def enhance(image: Image.Image, strength: float, increasing: bool) -> Image.Image:
        factor = 0.1 + 1.8 * abs(strength)
        if increasing:
            factor = max(0.1, 1 + 0.9 * strength)
        return kind(image).enhance(factor)

    return enhance


OPERATIONS: dict[str, Operation] = {
    "auto_contrast": lambda image, strength, increasing: ImageOps.autocontrast(image),
    "equalize": lambda image, strength, increasing: ImageOps.equalize(image),
    "invert": lambda image, strength, increasing: ImageOps.invert(image),
    "rotate": _rotate,
    "posterize": _posterize,
    "solarize": _solarize,
    "solarize_add": _solarize_add,
    "color": _enhance(ImageEnhance.Color),
    "contrast": _enhance(ImageEnhance.Contrast),
    "brightness": _enhance(ImageEnhance.Brightness),
    "sharpness": _enhance(ImageEnhance.Sharpness),
    "shear_x": lambda image, s, increasing: _affine(image, (1, 0.3 * s, 0, 0, 1, 0)),
    "shear_y": lambda image, s, increasing: _affine(image, (1, 0, 0, 0.3 * s, 1, 0)),
    "translate_x": lambda image, s, increasing: _affine(
        image, (1, 0, 0.45 * s * image.width, 0, 1, 0)
    ),
    "translate_y": lambda image, s, increasing: _affine(
        image, (1, 0, 0, 0, 1, 0.45 * s * image.height)
    ),
}
