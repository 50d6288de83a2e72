"""What every strategy's masks leave of a clip, measured over draws in every scan order."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import torch

from analysis.attribution.attribution import METHODS
from analysis.masking.coverage import coverage
from analysis.masking.metrics import StrategyMetrics, strategy_metrics
from analysis.ops.scan_order import SCAN_ORDERS
from app.attributions import explained_targets, recalled_map
from app.errors import READABLE_ERRORS
from app.figures.evidence import Map, grid_values
from app.mask_runs import DrawnMasks, MaskQuestion, drawn_masks
from app.selection import Selection
from app.session import Session, planned


@dataclass(frozen=True, eq=False)
class MaskMeasures:
    """Figures of all strategies on one clip.

    metrics: by strategy, each in all scan orders. shown_by_frame: visible tokens of each time step
    in the mask on the page, by strategy. tubelet: frames in a time step. attribution: the map whose
    visible share is given, in words, or None where no map of the clip was made yet.
    """

    drawn: DrawnMasks
    scan_order: str
    conv_width: int
    tubelet: int
    metrics: Mapping[str, StrategyMetrics]
    shown_by_frame: Mapping[str, tuple[int, ...]]
    attribution: str | None
    latency_ms: float


def mask_measures(session: Session, question: MaskQuestion) -> MaskMeasures:
    """The figures of the masks that `question` asks for; no weights are needed.

    Raises VideoError and WeightsError.
    """
    began = time.perf_counter()
    selection = question.selection
    drawn, config = drawn_masks(session, selection, question.setting), planned(selection).config
    known = _known_map(session, selection)
    masks = {name: torch.from_numpy(mask) for name, mask in drawn.masks.items()}
    motion = torch.from_numpy(drawn.guides["motion"].weights)
    metrics = {
        name: strategy_metrics(
            mask,
            SCAN_ORDERS,
            config.depth,
            conv_width=config.conv_width,
            motion=motion,
            attribution=None if known is None else torch.from_numpy(grid_values(known)),
        )
        for name, mask in masks.items()
    }
    return MaskMeasures(
        drawn=drawn,
        scan_order=selection.scan_order,
        conv_width=config.conv_width,
        tubelet=selection.tubelet(drawn.grid),
        metrics=metrics,
        shown_by_frame={name: coverage(mask[0]).by_frame for name, mask in masks.items()},
        attribution=None if known is None else f"{known['title']}, {known['label']}",
        latency_ms=1e3 * (time.perf_counter() - began),
    )


def _known_map(session: Session, selection: Selection) -> Map | None:
    """A map that the Attribution tab made of the clip, of the class explained last."""
    try:
        targets = explained_targets(session, selection)
    except READABLE_ERRORS:  # The figures of masks need neither weights nor maps.
        return None
    found = (recalled_map(session, selection, m, target) for target in targets for m in METHODS)
    return next((one for one in found if one is not None), None)
