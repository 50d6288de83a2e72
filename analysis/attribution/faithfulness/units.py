"""The parts of a clip that are removed as a whole: tubelets, frames or regions, never pixels."""

from dataclasses import dataclass

import numpy as np

from analysis.attribution.method import AttributionError
from analysis.layers.token_grid import TokenGrid

UNITS: tuple[str, ...] = ("tubelets", "frames")


@dataclass(frozen=True, eq=False)
class Units:
    """A partition of the token grid.

    labels: int (t, h, w), the unit that each token belongs to, 0 to `count` - 1.
    """

    name: str
    labels: np.ndarray

    @property
    def count(self) -> int:
        """U: number of units."""
        return int(self.labels.max()) + 1

    def sums(self, values: np.ndarray) -> np.ndarray:
        """What a map (t, h, w) gives each unit, summed: float64 (U,)."""
        if values.shape != self.labels.shape:
            raise AttributionError(
                f"A map of {' x '.join(map(str, self.labels.shape))} tokens was expected, got "
                f"{' x '.join(map(str, values.shape))}."
            )
        weights = np.asarray(values, np.float64).ravel()
        return np.bincount(self.labels.ravel(), weights, minlength=self.count)

    def tokens(self, units: np.ndarray) -> np.ndarray:
        """The tokens of chosen units: bool (P, U) to bool (P, t, h, w)."""
        return units[:, self.labels]

    def pixels(self, units: np.ndarray, frames: int, height: int, width: int) -> np.ndarray:
        """The pixels of chosen units: bool (P, U) to bool (P, T, H, W)."""
        tokens = self.tokens(units)
        t, h, w = self.labels.shape
        for axis, times in ((1, frames // t), (2, height // h), (3, width // w)):
            tokens = tokens.repeat(times, axis)
        return tokens


def units_of(name: str, grid: TokenGrid) -> Units:
    """Units by name: "tubelets" are single tokens, "frames" the time steps of the token grid.

    Raises AttributionError for another name.
    """
    if name == "tubelets":
        return Units(name, np.arange(grid.patches).reshape(grid.t, grid.h, grid.w))
    if name == "frames":
        steps = np.arange(grid.t)[:, None, None]
        return Units(name, np.broadcast_to(steps, (grid.t, grid.h, grid.w)).copy())
    raise AttributionError(f"There are no units {name!r}; choose {' or '.join(UNITS)}.")


def region_units(labels: np.ndarray) -> Units:
    """Units of one's own: int (t, h, w), every number from 0 up to the largest in use.

    Raises AttributionError for labels that leave a number out.
    """
    labels = np.asarray(labels)
    if labels.ndim != 3 or not np.array_equal(np.unique(labels), np.arange(labels.max() + 1)):
        raise AttributionError(
            "Regions are given as whole numbers (t, h, w) that use every number from 0 up."
        )
    return Units("regions", labels)
