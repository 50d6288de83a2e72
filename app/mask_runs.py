"""The masks of a clip: every strategy at one ratio and seed, with what two of them go by."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch

from analysis.layers.token_grid import TokenGrid
from analysis.masking.compacted_scan import CompactedScan, compacted_scan
from analysis.masking.motion import motion_energy
from analysis.masking.strategies import STRATEGIES, draw_masks, find_strategy
from analysis.masking.teacher import find_teacher, teacher_attention, teacher_hash
from app.errors import MaskRequestError
from app.opened_models import masked_config
from app.selection import Selection
from app.session import Session, planned

DRAWS = 8
"""Masks drawn of each strategy: the first is the one shown, all of them give the intervals."""

TOKEN_ORDERS = ("spatial_first", "temporal_first")
"""The token orders that scan orders are made of."""

MOST_RATIO = 0.95
MOST_SEED = 2**31 - 1


@dataclass(frozen=True)
class MaskSetting:
    """What a visitor chooses in the Masking tab. `ratio` is the nominal one."""

    strategy: str = "clip_row"
    ratio: float = 0.8
    seed: int = 0

    @property
    def text(self) -> str:
        """As a link carries it: "clip_row,0.8,0"."""
        return f"{self.strategy},{self.ratio:g},{self.seed}"


@dataclass(frozen=True)
class MaskQuestion:
    """A selection under a setting: what the sections of the Masking tab answer."""

    selection: Selection
    setting: MaskSetting


@dataclass(frozen=True, eq=False)
class Guide:
    """What a strategy goes by: `weights` (t, h, w), never negative, and where they come from."""

    weights: np.ndarray
    title: str
    training: str | None
    """ "toy" or "file" of a teacher; None where nothing was trained."""
    note: str


@dataclass(frozen=True, eq=False)
class DrawnMasks:
    """Every strategy's masks of a clip.

    masks: by strategy, in the order of STRATEGIES: bool (DRAWS, t, h, w), True = hidden; the first
    draw is the one shown. CLS, never hidden, is left out. guides: by what strategies read,
    "attention" and "motion".
    """

    grid: TokenGrid
    setting: MaskSetting
    masks: Mapping[str, np.ndarray]
    guides: Mapping[str, Guide] = field(default_factory=dict)

    def shown(self, strategy: str) -> np.ndarray:
        """The mask on the page: bool (t, h, w)."""
        return self.masks[strategy][0]

    def visible(self, strategy: str) -> int:
        """Patches that are left; every draw leaves the same number."""
        return int(np.count_nonzero(~self.shown(strategy)))

    def scan(self, strategy: str, token_order: str) -> CompactedScan:
        """What a scan in `token_order` finds of the mask on the page."""
        return compacted_scan(torch.from_numpy(self.shown(strategy)), token_order)

    def real_ratio(self, strategy: str) -> float:
        """The share that is hidden after rounding."""
        return 1 - self.visible(strategy) / self.grid.patches


def checked_setting(strategy: str, ratio: float, seed: float | None) -> MaskSetting:
    """The setting that was asked for. Raises MaskRequestError for what cannot be drawn."""
    try:
        find_strategy(strategy)
    except ValueError as error:
        raise MaskRequestError(str(error)) from None
    if not 0 <= ratio <= MOST_RATIO:
        raise MaskRequestError(f"The ratio {ratio:g} cannot be drawn; choose 0 to {MOST_RATIO:g}.")
    if seed is None or not (float(seed).is_integer() and 0 <= seed <= MOST_SEED):
        given = "empty" if seed is None else f"{seed:g}"
        raise MaskRequestError(f"The seed is {given}; give a whole number from 0 to {MOST_SEED}.")
    return MaskSetting(strategy, float(ratio), int(seed))


def drawn_masks(session: Session, selection: Selection, setting: MaskSetting) -> DrawnMasks:
    """The masks of all strategies on the selection's token grid; no weights of its are needed.

    Each strategy begins with a generator of its own at the seed, so that its masks are the same
    whatever else is drawn. Raises VideoError and WeightsError.
    """
    grid = masked_config(selection, "Masking").token_grid
    guides = clip_guides(session, selection)
    masks = {}
    for name, strategy in STRATEGIES.items():
        weights = torch.from_numpy(guides[strategy.reads].weights) if strategy.reads else None
        drawn = draw_masks(
            name,
            grid,
            setting.ratio,
            DRAWS,
            torch.Generator().manual_seed(setting.seed),
            weights=None if weights is None else weights.reshape(grid.t, -1),
        )
        masks[name] = drawn[:, 1:].reshape(DRAWS, grid.t, grid.h, grid.w).numpy()
    return DrawnMasks(grid, setting, masks, guides)


def clip_guides(session: Session, selection: Selection) -> dict[str, Guide]:
    """A teacher's attention on the clip and the clip's motion, recalled or computed.

    Raises VideoError and WeightsError.
    """
    key = _guides_key(session, selection)
    known = session.recall(key)
    if known is None:
        known = _computed_guides(session, selection)
        session.remember(key, known)
    grid = planned(selection).config.token_grid
    return {
        name: Guide(
            np.array(one["weights"], np.float32).reshape(grid.t, grid.h, grid.w),
            one["title"],
            one["training"],
            one["note"],
        )
        for name, one in known.items()
    }


def guides_known(session: Session, selection: Selection) -> bool:
    """Whether masks can be drawn at once. Raises VideoError and WeightsError."""
    return session.recall(_guides_key(session, selection)) is not None


def _guides_key(session: Session, selection: Selection) -> str:
    return session.clip_key("mask guides", selection, teacher_hash())


def _computed_guides(session: Session, selection: Selection) -> dict[str, dict]:
    grid = planned(selection).config.token_grid
    clip = session.sampled(selection).clip
    teacher = find_teacher(grid, selection.num_frames)
    return {
        "attention": {
            "weights": _rounded(teacher_attention(teacher, clip)),
            "title": teacher.name,
            "training": teacher.training,
            "note": teacher.note,
        },
        "motion": {
            "weights": _rounded(motion_energy(clip, grid)),
            "title": "Frame difference",
            "training": None,
            "note": "",
        },
    }


def _rounded(weights: torch.Tensor) -> list[float]:
    return [float(f"{weight:.5g}") for weight in weights.flatten().tolist()]
