"""What happens to a training clip between decoding and the model."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from analysis.training.clip_feed import normalised
from analysis.training.errors import require
from analysis.training.listed.crops import cut, multi_scale_crop, resized_crop
from analysis.training.listed.rand_augment import (
    RandAugment,
    apply_changes,
    draw_changes,
    parse_policy,
)

# Random erasing (arXiv 1708.04896) with timm's ranges.
_ERASED_AREA = (0.02, 1 / 3)
_ERASED_ASPECT = (0.3, 1 / 0.3)


@dataclass(frozen=True)
class Augmentation:
    """Random changes that keep the label.

    crop: "resized" (of `scale` of the area and `aspect`), or "multi_scale" as in masked
        pretraining.
    flip: mirror every other clip; None does so where the list's format allows it.
    policy: RandAugment as timm writes it, or None. erase: share of clips with a box of noise.

    Unlike in the published video code the policy comes after the crop, as timm has it for
    pictures: it then works on a fraction of the pixels.
    """

    crop: str = "resized"
    scale: tuple[float, float] = (0.08, 1.0)
    aspect: tuple[float, float] = (3 / 4, 4 / 3)
    flip: bool | None = None
    policy: str | None = "rand-m7-n4-mstd0.5-inc1"
    erase: float = 0.25

    def __post_init__(self) -> None:
        known = self.crop in ("resized", "multi_scale")
        require(known, "augmentation.crop", self.crop, "resized or multi_scale")
        low, high = self.scale
        require(0 < low <= high <= 1, "augmentation.scale", self.scale, "two rising shares, 0 to 1")
        low, high = self.aspect
        require(0 < low <= high, "augmentation.aspect", self.aspect, "two rising numbers above 0")
        require(0 <= self.erase <= 1, "augmentation.erase", self.erase, "a share from 0 to 1")
        _ = self.rand_augment

    @cached_property
    def rand_augment(self) -> RandAugment | None:
        """The policy in numbers."""
        return None if self.policy is None else parse_policy(self.policy)

    def apply(
        self,
        frames: np.ndarray,
        size: int,
        flips: bool,
        generator: np.random.Generator,
        colours: str = "imagenet",
    ) -> Tensor:
        """A model's input float32 (3, T, size, size) from frames uint8 (T, H, W, 3).

        flips: whether mirrored clips keep their label, used where `flip` is None. colours: as in
        `normalised`.
        """
        height, width = frames.shape[1:3]
        if self.crop == "resized":
            box = resized_crop(height, width, self.scale, self.aspect, generator)
        else:
            box = multi_scale_crop(height, width, generator)
        frames = cut(frames, box, size)
        mirrored = generator.random() < 0.5
        if mirrored and (flips if self.flip is None else self.flip):
            frames = frames[:, :, ::-1]
        if self.rand_augment is not None:
            changes = draw_changes(self.rand_augment, generator)
            frames = apply_changes(
                np.ascontiguousarray(frames), changes, self.rand_augment.increasing
            )
        clip = normalised(np.ascontiguousarray(frames)[None], colours)[0]
        if generator.random() < self.erase:
            erase_box(clip, generator)
        return clip


def erase_box(clip: Tensor, generator: np.random.Generator) -> None:
    """Put normal noise into the same box of all frames of (3, T, H, W), in place."""
    height, width = clip.shape[-2:]
    for _ in range(10):
        area = height * width * generator.uniform(*_ERASED_AREA)
        aspect = math.exp(generator.uniform(*map(math.log, _ERASED_ASPECT)))
        h, w = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if 0 < h < height and 0 < w < width:
            top = generator.integers(height - h + 1)
            left = generator.integers(width - w + 1)
            part = clip[..., top : top + h, left : left + w]
            part.copy_(torch.from_numpy(generator.standard_normal(part.shape, np.float32)))
            return
