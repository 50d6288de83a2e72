"""Clips whose only motion is a patch that was put in, so that the cause of it is known."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from analysis.attribution.method import AttributionError, model_input
from analysis.tracing.recorder import evaluation_mode


@dataclass(frozen=True, eq=False)
class PlantedClip:
    """A clip that stands still but for one moving disc.

    clip, still: (3, T, H, W), with and without the disc.
    mask: bool (T, H, W), True on the disc, the only pixels in which the two differ.
    """

    clip: Tensor
    still: Tensor
    mask: np.ndarray


def plant_moving_disc(
    frame: Tensor,
    texture: Tensor,
    frames: int,
    *,
    start: tuple[float, float],
    travel: tuple[float, float],
    radius: float,
) -> PlantedClip:
    """A disc cut from `texture` that moves over `frame` for so many frames.

    frame, texture: (3, H, W), one normalisation. start, travel: row and column of the disc's
    centre in the first frame, and what is added by the last, in pixels; radius in pixels. The
    texture travels with the disc, in whole pixels.

    Raises AttributionError where the disc leaves no pixel in the clip or covers all of it.
    """
    still = frame[:, None].expand(-1, frames, -1, -1).contiguous()
    clip, mask = still.clone(), np.zeros(still.shape[1:], bool)
    rows, columns = np.mgrid[: frame.shape[1], : frame.shape[2]]
    for number, share in enumerate(np.linspace(0.0, 1.0, frames)):
        offset = [round(share * travel[axis]) for axis in (0, 1)]
        row, column = start[0] + offset[0], start[1] + offset[1]
        mask[number] = (rows - row) ** 2 + (columns - column) ** 2 <= radius**2
        moved = torch.roll(texture, offset, dims=(1, 2))
        clip[:, number] = torch.where(torch.from_numpy(mask[number]), moved, clip[:, number])
    if not mask.any() or mask.all():
        raise AttributionError(
            "The disc has to be in the picture and leave some of it free; choose another start, "
            "travel or radius."
        )
    return PlantedClip(clip, still, mask)


def random_planted_clip(
    frame: Tensor, texture: Tensor, frames: int, generator: np.random.Generator
) -> PlantedClip:
    """A disc of a quarter to a third of the picture that crosses its middle in a random direction.

    Its radius is 0.25 to 0.35, its travel 0.3 to 0.7 of the shorter side.
    """
    side = min(frame.shape[1:])
    angle, distance = generator.uniform(0, 2 * np.pi), generator.uniform(0.3, 0.7) * side
    travel = (distance * np.sin(angle), distance * np.cos(angle))
    middle = (np.array(frame.shape[1:]) - 1) / 2 + generator.uniform(-0.1, 0.1, 2) * side
    start = (middle[0] - travel[0] / 2, middle[1] - travel[1] / 2)
    radius = generator.uniform(0.25, 0.35) * side
    return plant_moving_disc(frame, texture, frames, start=start, travel=travel, radius=radius)


@dataclass(frozen=True, eq=False)
class PlantedCause:
    """A planted clip with the class whose probability the disc raised most, and by how much.

    Whatever raised it lies inside the mask, as nothing else differs from the clip that stands
    still.
    """

    planted: PlantedClip
    target: int
    rise: float


def strongest_cause(model: nn.Module, candidates: Sequence[PlantedClip]) -> PlantedCause:
    """The candidate whose disc raises any class's probability most.

    The model's mode is left as it was.
    """
    causes = []
    with torch.inference_mode(), evaluation_mode(model):
        for planted in candidates:
            clips = torch.stack([planted.still, planted.clip])
            still, moving = model(model_input(model, clips)).double().softmax(dim=1)
            rise, target = (moving - still).max(dim=0)
            causes.append(PlantedCause(planted, int(target), float(rise)))
    return max(causes, key=lambda cause: cause.rise)
