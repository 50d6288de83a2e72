"""Masks that leave the page: numbers a strategy, and the masks themselves."""

import io
from collections.abc import Collection
from dataclasses import asdict
from typing import Any

import numpy as np

from analysis.masking.strategies import STRATEGIES
from app.attributions import selection_settings
from app.mask_runs import TOKEN_ORDERS, DrawnMasks
from app.selection import Selection

_ALL = tuple(STRATEGIES)


def mask_rows(drawn: DrawnMasks, names: Collection[str] = _ALL) -> list[dict[str, Any]]:
    """A row per strategy: what it hides, and the runs it leaves in each token order."""
    return [_row(drawn, name) for name in names]


def _row(drawn: DrawnMasks, name: str) -> dict[str, Any]:
    runs = {}
    for order in TOKEN_ORDERS:
        scan = drawn.scan(name, order)
        runs[f"mean_run_{order}"] = scan.mean_run
        runs[f"longest_run_{order}"] = scan.longest_run
    return {
        "strategy": name,
        "published": STRATEGIES[name].published,
        "nominal_ratio": drawn.setting.ratio,
        "real_ratio": drawn.real_ratio(name),
        "visible": drawn.visible(name),
        "tokens": drawn.grid.patches,
        **runs,
    }


def hidden_tokens(drawn: DrawnMasks, name: str) -> list[int]:
    """Canonical numbers of the patches that the mask on the page hides, without CLS."""
    return np.flatnonzero(drawn.shown(name)).tolist()


def mask_settings(drawn: DrawnMasks, selection: Selection) -> dict[str, Any]:
    """What the masks depend on, with the teacher by its name."""
    teacher = drawn.guides["attention"]
    return {
        **selection_settings(selection),
        "grid": [drawn.grid.t, drawn.grid.h, drawn.grid.w],
        **asdict(drawn.setting),
        "teacher": teacher.title,
        "teacher_training": teacher.training,
        "teacher_note": teacher.note,
    }


def masks_npz(drawn: DrawnMasks) -> bytes:
    """An array bool (t, h, w) per strategy, True = hidden, and what two of them go by."""
    arrays = {name: drawn.shown(name) for name in drawn.masks}
    weights = {f"{name}_weights": guide.weights for name, guide in drawn.guides.items()}
    packed = io.BytesIO()
    np.savez_compressed(packed, **arrays, **weights)
    return packed.getvalue()
