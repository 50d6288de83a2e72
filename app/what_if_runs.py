"""One thing done to a clip or to the scans, and what the model answers then."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from torch import Tensor

from analysis.attribution.faithfulness.baselines import BASELINES
from analysis.attribution.interventions.clip_edits import MaskInput, reversed_time, shuffled_time
from analysis.attribution.interventions.intervene import InterventionResult, intervene
from analysis.attribution.interventions.intervention import Intervention
from analysis.attribution.interventions.scan_edits import (
    Knockout,
    PatchState,
    ScaleDelta,
    SwapDirections,
    SwitchOff,
)
from analysis.attribution.interventions.token_sets import all_tokens, region_tokens
from analysis.attribution.method import AttributionError
from analysis.layers.token_grid import TokenGrid
from analysis.nearest_names import nearest
from analysis.tracing.scan_trace import DIRECTIONS
from app.opened_models import scanned_config
from app.result_cache import content_hash
from app.selection import Selection
from app.session import Session

Outcome = dict[str, Any]

ALL_LAYERS = -1

INTERVENTIONS: dict[str, str] = {
    "cover": "Cover a part",
    "knock_out": "Silence in the scans",
    "scale_steps": "Scale step sizes",
    "patch_state": "State of another clip",
    "reverse_time": "Reverse time",
    "shuffle_time": "Shuffle time",
    "switch_off": "Switch a direction off",
    "swap_direction": "Swap a direction",
}
"""What can be done, by name, as a visitor reads it."""

WITH_PART = ("cover", "knock_out", "scale_steps")
WITH_SCANS = ("knock_out", "scale_steps", "patch_state", "switch_off", "swap_direction")
WITH_OTHER = ("patch_state",)


@dataclass(frozen=True)
class Part:
    """Patches at some time steps, rows and columns of the token grid, counted from 0."""

    steps: tuple[int, ...]
    rows: tuple[int, ...]
    columns: tuple[int, ...]


@dataclass(frozen=True)
class WhatIf:
    """What is done: `name` of INTERVENTIONS with what it takes.

    baseline: what covers a part. factor: of step sizes. layer: from 0, or ALL_LAYERS.
    directions: of the scans. step: time step after which a state is exchanged. other: path of the
    clip that a state, or the baseline "other_clip", comes from. seed: of shuffled time.
    """

    name: str
    part: Part
    baseline: str = "zero"
    factor: float = 2.0
    layer: int = ALL_LAYERS
    directions: tuple[str, ...] = DIRECTIONS
    step: int = 0
    other: str = ""
    seed: int = 0


def middle_part(grid: TokenGrid) -> Part:
    """The middle half of every frame."""

    def middle(side: int) -> tuple[int, ...]:
        return tuple(range(side // 4, max(side // 4 + 1, side - side // 4)))

    return Part(tuple(range(grid.t)), middle(grid.h), middle(grid.w))


def part_from(value: object, grid: TokenGrid) -> Part:
    """What the region picker sends; its middle half where nothing was picked on this grid."""
    try:
        part = Part(*(tuple(map(int, value[name])) for name in ("steps", "rows", "columns")))
    except (TypeError, KeyError, ValueError):
        return middle_part(grid)
    sides = zip((part.steps, part.rows, part.columns), (grid.t, grid.h, grid.w), strict=True)
    fits = all(picked and min(picked) >= 0 and max(picked) < side for picked, side in sides)
    return part if fits else middle_part(grid)


def outcome(session: Session, selection: Selection, what: WhatIf) -> Outcome:
    """The answers before and after, recalled or computed, with all classes.

    Raises AttributionError, VideoError and WeightsError, one sentence each.
    """
    key = _key(session, selection, what)
    known = session.recall(key)
    if known is not None:
        session.note(_asked_key(session, selection), key)
        return known
    with session.loaded(selection) as loaded:
        clip = session.sampled(selection, loaded).clip
        other = None
        if _needs_other(what):
            other = session.sampled(replace(selection, clip=what.other), loaded).clip
        chosen = intervention_of(what, loaded.model.token_grid, clip.shape[1], other)
        result = intervene(loaded.model, clip, chosen)
        labels = loaded.labels
    found = _payload(what, result, labels)
    session.remember(key, found)
    session.note(_asked_key(session, selection), key)
    return found


def known_outcomes(session: Session, selection: Selection) -> list[Outcome]:
    """What came of the latest questions about this selection, the last one first.

    Raises VideoError and WeightsError.
    """
    found = [session.recall(key) for key in session.noted(_asked_key(session, selection))]
    return [one for one in found if one is not None]


def intervention_of(
    what: WhatIf, grid: TokenGrid, frames: int, other: Tensor | None
) -> Intervention:
    """The intervention that `what` describes, on a token grid and so many frames."""
    scans = {
        "layers": None if what.layer == ALL_LAYERS else (what.layer,),
        "directions": what.directions,
    }
    tokens = region_tokens(grid, what.part.steps, what.part.rows, what.part.columns)
    if what.name == "cover":
        return MaskInput(tokens, what.baseline, other)
    if what.name == "knock_out":
        return Knockout(sources=tokens, receivers=all_tokens(grid), **scans)
    if what.name == "scale_steps":
        return ScaleDelta(tokens=tokens, factor=what.factor, **scans)
    if what.name == "patch_state":
        last = grid.h * grid.w * (what.step + 1)  # CLS stands before the patches
        return PatchState(other=other, token=last, **scans)
    if what.name == "reverse_time":
        return reversed_time(frames)
    if what.name == "shuffle_time":
        return shuffled_time(frames, np.random.default_rng(what.seed))
    if what.name == "switch_off":
        return SwitchOff(**scans)
    if what.name == "swap_direction":
        return SwapDirections(**scans)
    raise AttributionError(
        f"There is no intervention {what.name!r}; {nearest(what.name, INTERVENTIONS)}"
    )


def check_what(what: WhatIf, selection: Selection) -> None:
    """Raises AttributionError for what can be told before anything runs."""
    grid = scanned_config(selection, "What if").token_grid
    if what.baseline not in BASELINES:
        raise AttributionError(
            f"There is no baseline {what.baseline!r}; {nearest(what.baseline, BASELINES)}"
        )
    if not 0 <= what.step < grid.t:
        raise AttributionError(f"There is no time step {what.step}; choose 0 to {grid.t - 1}.")
    if what.name in WITH_SCANS and not what.directions:
        raise AttributionError("Choose at least one direction of the scans.")
    if _needs_other(what) and not what.other:
        raise AttributionError("Choose the other clip that the state or the pixels come from.")


def _needs_other(what: WhatIf) -> bool:
    covers = what.name == "cover" and what.baseline == "other_clip"
    return what.name in WITH_OTHER or covers


def _asked_key(session: Session, selection: Selection) -> str:
    return session.key("what ifs asked", selection)


def _key(session: Session, selection: Selection, what: WhatIf) -> str:
    settings = asdict(what) | {"other": content_hash(what.other) if _needs_other(what) else ""}
    return session.key("what if", selection, repr(settings))


def _payload(what: WhatIf, result: InterventionResult, labels: Sequence[str]) -> Outcome:
    linear = dict(zip(result.predicted, result.linear_change.tolist(), strict=True))
    return {
        "name": what.name,
        "intervention": result.intervention,
        "settings": result.settings,
        "latency_ms": result.latency_ms,
        "classes": [
            {
                "label": label,
                "probability_before": float(result.probabilities_before[index]),
                "probability_after": float(result.probabilities_after[index]),
                "logit_before": float(result.logits_before[index]),
                "logit_after": float(result.logits_after[index]),
                "logit_change": float(result.change[index]),
                "linear_change": linear.get(index),
            }
            for index, label in enumerate(labels)
        ],
    }
