"""Does a map point at the known cause? Scores of a map against a mask."""

from dataclasses import dataclass

import numpy as np

from analysis.attribution.method import AttributionError


@dataclass(frozen=True)
class Localisation:
    """How well a map finds a mask; every figure between 0 and 1, higher is better.

    pointing: whether the largest value lies in the mask (share of the largest that do, in a tie).
    accuracy, mean_iou: of the map cut at its mean against the mask, the latter averaged over
        inside and outside (as transformer attributions are judged, arXiv 2012.09838).
    average_precision: of the tokens in the order of the map.
    chance: share of the mask, which pointing and average precision reach at random.
    """

    pointing: float
    accuracy: float
    mean_iou: float
    average_precision: float
    chance: float


def localise(values: np.ndarray, mask: np.ndarray) -> Localisation:
    """Scores of a map (t, h, w) against a mask, bool (t, h, w), True where the cause is.

    Raises AttributionError for a mask of another shape, or one that holds nothing or everything.
    """
    values, mask = np.asarray(values, np.float64), np.asarray(mask, bool)
    if mask.shape != values.shape or mask.all() or not mask.any():
        raise AttributionError(
            f"A mask of {values.shape} tokens with some inside and some outside was expected, got "
            f"{mask.shape} with {int(mask.sum())} inside."
        )
    found = values > values.mean()
    inside = _overlap(found, mask)
    outside = _overlap(~found, ~mask)
    largest = values == values.max()
    return Localisation(
        pointing=float(mask[largest].mean()),
        accuracy=float((found == mask).mean()),
        mean_iou=(inside + outside) / 2,
        average_precision=_average_precision(values.ravel(), mask.ravel()),
        chance=float(mask.mean()),
    )


def token_mask(pixels: np.ndarray, shape: tuple[int, int, int], least: float = 0.5) -> np.ndarray:
    """A mask of pixels, bool (T, H, W), on a token grid (t, h, w): tokens covered by `least`.

    Where no token is covered that much, the most covered ones stand for the mask.
    """
    t, h, w = shape
    frames, height, width = pixels.shape
    cut = pixels.reshape(t, frames // t, h, height // h, w, width // w)
    covered = cut.mean(axis=(1, 3, 5))
    return covered >= min(least, covered.max())


def _overlap(found: np.ndarray, mask: np.ndarray) -> float:
    return float((found & mask).sum() / (found | mask).sum())


def _average_precision(values: np.ndarray, mask: np.ndarray) -> float:
    """Area under precision over recall, by steps; equal values enter together."""
    order = np.argsort(-values, kind="stable")
    ranked, inside = values[order], mask[order]
    last_of_value = np.append(ranked[1:] != ranked[:-1], True)
    hits = inside.cumsum()[last_of_value]
    precision = hits / (np.flatnonzero(last_of_value) + 1)
    recall_gain = np.diff(hits, prepend=0) / mask.sum()
    return float(precision @ recall_gain)
