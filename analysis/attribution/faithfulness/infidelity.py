"""Infidelity and max-sensitivity (arXiv 1901.09392), by Captum, on the units of a clip."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from analysis.attribution.faithfulness.removal import Removal

SHARES_REMOVED = (0.05, 0.5)


@dataclass(frozen=True)
class Infidelity:
    """Mean squared error of a map as a prediction of what removals cost; 0 is perfect.

    value: with the map as it is. scaled: after the best scaling of the map, which most methods
    leave open. variance: mean squared cost, which a map of zeros would score.
    """

    value: float
    scaled: float
    variance: float


def random_removals(
    units: int, samples: int, generator: np.random.Generator, shares=SHARES_REMOVED
) -> np.ndarray:
    """Random sets of units, bool (samples, U); the share of each is drawn between `shares`."""
    sizes = np.maximum(1, (generator.uniform(*shares, samples) * units).round().astype(int))
    draws = generator.random((samples, units)).argsort(-1).argsort(-1)
    return draws < sizes[:, None]


def infidelity(removal: Removal, unit_values: np.ndarray, removed: np.ndarray) -> Infidelity:
    """How well unit values (U,) predict the cost of removals, bool (P, U).

    The input that is perturbed is the presence of every unit, 1 or 0, for which the perturbation
    I is 1 on removed units: < I, map > is the map's sum over them.
    """
    from captum.metrics import infidelity as captum_infidelity

    values = torch.from_numpy(np.asarray(unit_values, np.float64))[None]
    gone = torch.from_numpy(removed).double()

    def present_score(present: Tensor) -> Tensor:
        return torch.from_numpy(removal.scores(present.numpy() < 0.5))

    def remove(present: Tensor) -> tuple[Tensor, Tensor]:
        return gone, present - gone

    def measure(normalize: bool) -> float:
        return captum_infidelity(
            present_score,
            remove,
            torch.ones_like(values),
            values,
            n_perturb_samples=len(gone),
            normalize=normalize,
        ).item()

    drops = removal.drops(removed)
    nothing = not values.any()
    return Infidelity(
        value=measure(False),
        # There is no scaling of a map of zeros, and Captum would divide by it.
        scaled=float(np.mean(drops**2)) if nothing else measure(True),
        variance=float(np.mean(drops**2)),
    )


def max_sensitivity(
    explain: Callable[[Tensor], np.ndarray],
    clip: Tensor,
    *,
    radius: float = 0.02,
    samples: int = 4,
    generator: torch.Generator,
) -> float:
    """Largest relative change of a map under small noise on the clip: |map' - map| / |map|.

    explain: clip (3, T, H, W) to its map (t, h, w). radius: the noise is uniform within it, in
    units of the normalised clip. The generator is read on its own device.
    """
    from captum.metrics import sensitivity_max

    def maps(clips: Tensor | tuple[Tensor]) -> tuple[Tensor]:
        (clips,) = clips if isinstance(clips, tuple) else (clips,)  # Captum does both
        return (torch.stack([torch.from_numpy(np.asarray(explain(one))) for one in clips]),)

    def noisy(clips: Tensor) -> Tensor:
        noise = torch.rand(clips.shape, generator=generator, device=generator.device)
        return clips + radius * (2 * noise - 1).to(clips)

    return sensitivity_max(maps, clip[None], noisy, n_perturb_samples=samples).item()
