"""Every figure of a masking strategy, averaged over draws of its mask.

They answer what section 3.4 of the VideoMamba paper asks of its masks: how much of what belongs
together stays together for the convolution and the scan, and how much is given away for free.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from analysis.masking.compacted_scan import (
    CompactedScan,
    compacted_scan,
    plan_scan,
    scan_shares,
)
from analysis.masking.coverage import (
    Coverage,
    coverage,
    temporal_leakage,
    visible_mass,
    visible_share,
)
from analysis.masking.interval import Interval, mean_interval

LEAKAGE_REACH = 2
"""Frames away that the wider of the two leakages looks."""

SCAN_FIGURES: tuple[str, ...] = (
    "mean_run",
    "longest_run",
    "mean_gap",
    "largest_gap",
    "scan_adjacency",
    "grid_adjacency",
    "spatial_reach",
    "spatial_reach_before",
    "spatial_in_reach",
    "temporal_reach",
    "temporal_reach_before",
    "temporal_in_reach",
)
"""Names of `CompactedScan` that are averaged over draws."""

COVERAGE_FIGURES: tuple[str, ...] = (
    "frame_mean",
    "frame_std",
    "frame_min",
    "empty_frames",
    "site_share",
    "row_share",
    "column_share",
    "full_rows",
)
"""Names of `Coverage` that are averaged over draws."""


@dataclass(frozen=True)
class ScanFigures:
    """What one scan order makes of a strategy's masks, over draws.

    figures: an interval for each of SCAN_FIGURES over the draws that have it; None if none has.
    run_counts, gap_counts: as in `CompactedScan`, mean of the draws.
    """

    figures: dict[str, Interval | None]
    run_counts: tuple[float, ...]
    gap_counts: tuple[float, ...]


@dataclass(frozen=True)
class StrategyMetrics:
    """A strategy's masks on one grid: what is the same in every scan order, and what is not.

    visible: visible tokens, the same in every draw; real_ratio: hidden share of the tokens.
    figures: COVERAGE_FIGURES, `leakage` (one frame away), `wide_leakage` (LEAKAGE_REACH frames),
    and, where a map was given, `motion`, `positive_mass`, `negative_mass` and `absolute_mass` left
    visible; over the draws that have such a figure, None if none has.
    by_frame: visible tokens of each frame. by_site: share of frames and draws in which each site is
    visible, h rows of w.
    scans: by scan order.
    """

    draws: int
    visible: int
    real_ratio: float
    figures: dict[str, Interval | None]
    by_frame: tuple[Interval, ...]
    by_site: tuple[tuple[float, ...], ...]
    scans: dict[str, ScanFigures]


def strategy_metrics(
    hidden: Tensor,
    scan_orders: Sequence[str],
    depth: int,
    *,
    conv_width: int = 4,
    motion: Tensor | None = None,
    attribution: Tensor | None = None,
) -> StrategyMetrics:
    """Figures of the draws `hidden` (draws, t, h, w), True = hidden, CLS left out.

    `depth` is the number of layers that the plans of `scan_orders` are made for; `motion` (t, h*w)
    and `attribution` (t, h, w) are maps on the same grid. Raises ValueError, one sentence, for
    draws that differ in their number of hidden tokens, unknown scan orders and misshapen maps.
    """
    if hidden.ndim != 4 or not len(hidden):
        raise ValueError(f"draws of a mask are (draws, t, h, w), got {tuple(hidden.shape)}")
    counts = hidden.flatten(1).sum(1)
    if (counts != counts[0]).any():
        raise ValueError("all draws of a strategy hide as many tokens; these differ")
    plans = {name: scan_shares(name, depth) for name in scan_orders}
    orders = dict.fromkeys(name for shares in plans.values() for name in shares)
    scans = [
        {name: compacted_scan(mask, name, conv_width=conv_width) for name in orders}
        for mask in hidden
    ]
    covers = [coverage(mask) for mask in hidden]
    return StrategyMetrics(
        draws=len(hidden),
        visible=covers[0].visible,
        real_ratio=int(counts[0]) / hidden[0].numel(),
        figures=_coverage_figures(covers)
        | _leakages(hidden)
        | _visible_parts(hidden, motion, attribution),
        by_frame=tuple(
            mean_interval(column)
            for column in zip(*(cover.by_frame for cover in covers), strict=True)
        ),
        by_site=tuple(map(tuple, (~hidden).double().mean((0, 1)).tolist())),
        scans={
            name: _scan_figures([plan_scan(by_order, shares) for by_order in scans])
            for name, shares in plans.items()
        },
    )


def _scan_figures(scans: Sequence[CompactedScan]) -> ScanFigures:
    return ScanFigures(
        {name: mean_interval(getattr(scan, name) for scan in scans) for name in SCAN_FIGURES},
        _mean_counts([scan.run_counts for scan in scans]),
        _mean_counts([scan.gap_counts for scan in scans]),
    )


def _mean_counts(histograms: Sequence[tuple[float, ...]]) -> tuple[float, ...]:
    rows = [torch.tensor(counts, dtype=torch.float64) for counts in histograms]
    padded = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
    return tuple(padded.mean(0).tolist())


def _coverage_figures(covers: Sequence[Coverage]) -> dict[str, Interval | None]:
    return {
        name: mean_interval(getattr(cover, name) for cover in covers) for name in COVERAGE_FIGURES
    }


def _leakages(hidden: Tensor) -> dict[str, Interval | None]:
    reaches = {"leakage": 1, "wide_leakage": LEAKAGE_REACH}
    return {
        name: mean_interval(temporal_leakage(mask, reach) for mask in hidden)
        for name, reach in reaches.items()
    }


def _visible_parts(
    hidden: Tensor, motion: Tensor | None, attribution: Tensor | None
) -> dict[str, Interval | None]:
    parts = {}
    if motion is not None:
        parts["motion"] = mean_interval(visible_share(mask, motion) for mask in hidden)
    if attribution is not None:
        masses = [visible_mass(mask, attribution) for mask in hidden]
        for sign in ("positive", "negative", "absolute"):
            parts[f"{sign}_mass"] = mean_interval(getattr(mass, sign) for mass in masses)
    return parts
