"""What a mask leaves to see: per frame, per site, across time, of the motion, of an attribution.

CLS is never hidden and left out of every figure. Shares are 0 to 1.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from analysis.masking.compacted_scan import checked_mask


@dataclass(frozen=True)
class Coverage:
    """Where the visible tokens of a mask (t, h, w) stand.

    - `by_frame`: their number in each frame; `frame_mean`, `frame_std` (of the t frames, not of a
      sample), `frame_min`, and `empty_frames` without any.
    - `by_site`: in how many frames each site is visible, h rows of w.
    - `site_share`: share of the h*w sites that are visible in at least one frame.
    - `row_share`, `column_share`: share of the t*h rows (t*w columns) of single frames with at
      least one visible token; `full_rows`: share of those rows that are visible as a whole.
    """

    visible: int
    by_frame: tuple[int, ...]
    frame_mean: float
    frame_std: float
    frame_min: int
    empty_frames: int
    by_site: tuple[tuple[int, ...], ...]
    site_share: float
    row_share: float
    column_share: float
    full_rows: float


@dataclass(frozen=True)
class VisibleMass:
    """Share of a signed map that lies on visible tokens: of what is positive, negative, both.

    None where the map has nothing of the kind.
    """

    positive: float | None
    negative: float | None
    absolute: float | None


def coverage(hidden: Tensor) -> Coverage:
    """Counts and shares of the visible tokens of a mask (t, h, w), True = hidden.

    Raises ValueError, one sentence, for a mask of another shape or kind.
    """
    shown = ~checked_mask(hidden)
    by_frame = shown.sum((1, 2))
    by_site = shown.sum(0)
    return Coverage(
        visible=int(by_frame.sum()),
        by_frame=tuple(by_frame.tolist()),
        frame_mean=by_frame.double().mean().item(),
        frame_std=by_frame.double().std(correction=0).item(),
        frame_min=int(by_frame.min()),
        empty_frames=int((by_frame == 0).sum()),
        by_site=tuple(map(tuple, by_site.tolist())),
        site_share=(by_site > 0).double().mean().item(),
        row_share=shown.any(2).double().mean().item(),
        column_share=shown.any(1).double().mean().item(),
        full_rows=shown.all(2).double().mean().item(),
    )


def temporal_leakage(hidden: Tensor, reach: int = 1) -> float | None:
    """Share of hidden tokens whose site is visible at most `reach` frames before or after.

    What is hidden can then be read off a neighbouring frame. None where nothing is hidden.
    Raises ValueError for a reach below 1 and a mask of another shape or kind.
    """
    if reach < 1:
        raise ValueError(f"leakage looks at least one frame away, got {reach}")
    shown = ~checked_mask(hidden)
    if shown.all():
        return None
    near = torch.zeros_like(shown)
    for away in range(1, min(reach, len(shown) - 1) + 1):
        near[away:] |= shown[:-away]
        near[:-away] |= shown[away:]
    return near[hidden].double().mean().item()


def visible_share(hidden: Tensor, amount: Tensor) -> float | None:
    """Share of a non-negative amount on the tokens that lies on visible ones, such as motion.

    `amount` (t, h*w) or (t, h, w). None where there is none at all. Raises ValueError for another
    shape and for negative amounts.
    """
    amount = _on_mask(hidden, amount)
    if (amount < 0).any():
        raise ValueError("an amount on the tokens is not negative; give its size or its parts")
    total = amount.sum()
    return (amount[~hidden].sum() / total).item() if total else None


def visible_mass(hidden: Tensor, attribution: Tensor) -> VisibleMass:
    """Share of an attribution (t, h, w) that the mask leaves visible, by sign and in size.

    Raises ValueError for another shape.
    """
    values = _on_mask(hidden, attribution)
    parts = (values.clamp(min=0), (-values).clamp(min=0), values.abs())
    return VisibleMass(*(visible_share(hidden, part) for part in parts))


def _on_mask(hidden: Tensor, values: Tensor) -> Tensor:
    shape = tuple(checked_mask(hidden).shape)
    if tuple(values.shape) not in (shape, (shape[0], shape[1] * shape[2])):
        raise ValueError(
            f"a mask of {' x '.join(map(str, shape))} tokens needs as many values, got "
            f"{tuple(values.shape)}"
        )
    return values.double().reshape(shape)
