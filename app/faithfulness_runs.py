"""Deletion and insertion curves of maps, measured step by step and remembered when complete."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from analysis.attribution.faithfulness.curves import CURVES, PerturbationCurves, perturbation_curves
from analysis.attribution.faithfulness.removal import Removal, fitting_removals
from analysis.attribution.faithfulness.units import UNITS, units_of
from app.attributions import SEED, Map
from app.figures.evidence import grid_values
from app.selection import Selection
from app.session import Session, planned

CurveRow = dict[str, Any]

SCORE = "probability"

FILLS = {
    "zero": "mean colour",
    "blur": "blurred",
    "frame_repeat": "first frame",
    "other_clip": "other clip",
    "token_drop": "tokens left out",
}
"""What stands where a part was taken away, as a visitor reads it."""


@dataclass(frozen=True)
class CurveChoice:
    """What is taken away at a time, and what is put in its place for each kind of curve.

    Insertion starts as in the league table: a blurred clip would still show how the camera moves.
    """

    units: str = "tubelets"
    deletion: str = "zero"
    insertion: str = "frame_repeat"

    def baseline(self, kind: str) -> str:
        return self.deletion if kind == "deletion" else self.insertion


def fitting_fills(config: Any) -> tuple[str, ...]:
    """Keys of FILLS that can stand in for parts of the one clip there is."""
    return tuple(name for name in fitting_removals(config) if name != "other_clip")


def first_choice(config: Any) -> CurveChoice:
    """What the menus begin with for models of a configuration."""
    default = CurveChoice()
    if default.insertion in fitting_fills(config):
        return default
    return replace(default, insertion="blur")


def curve_rows(
    session: Session, selection: Selection, maps: Sequence[Map], choice: CurveChoice
) -> Iterator[CurveRow]:
    """For each kind of curve and each map a row, longer at each yield until it is `complete`.

    The model is held for one batch at a time, so that others are served in between.
    Raises AttributionError, VideoError and WeightsError.
    """
    for kind in CURVES:
        removal = None
        for one in maps:
            key = _key(session, selection, one, choice, kind)
            known = session.recall(key)
            if known is not None:
                yield known
                continue
            removal = removal or _removal(session, selection, one["target"], choice, kind)
            for row in _measured(session, selection, removal, one, kind):
                yield row
            session.remember(key, row)


def recalled_curves(session: Session, selection: Selection, maps: Sequence[Map]) -> list[CurveRow]:
    """The complete curves of these maps that are known, whatever was taken away and put in.

    Raises VideoError and WeightsError.
    """
    choices = [CurveChoice(units, fill, fill) for units in UNITS for fill in FILLS]
    keys = [
        _key(session, selection, one, choice, kind)
        for choice in choices
        for kind in CURVES
        for one in maps
    ]
    return [row for row in map(session.recall, keys) if row is not None]


def estimated_curves_ms(
    session: Session, selection: Selection, maps: Sequence[Map], choice: CurveChoice
) -> float:
    """About how long it takes to measure what is not known yet."""
    units = _units(selection, choice).count
    steps, random_rankings = _resolution(session, selection)
    passes = min(steps, units) * (2 + random_rankings)
    missing = sum(
        session.recall(_key(session, selection, one, choice, kind)) is None
        for one in maps
        for kind in CURVES
    )
    return missing * passes * session.estimate_ms(selection)


def _resolution(session: Session, selection: Selection) -> tuple[int, int]:
    """Points of a curve and random rankings: fewer for models that take long."""
    return (24, 2) if session.quick(selection) else (8, 1)


def _units(selection: Selection, choice: CurveChoice):
    return units_of(choice.units, planned(selection).config.token_grid)


def _removal(
    session: Session, selection: Selection, target: int, choice: CurveChoice, kind: str
) -> Removal:
    with session.loaded(selection) as loaded:
        clip = session.sampled(selection, loaded).clip
        return Removal(
            loaded.model,
            clip,
            target,
            _units(selection, choice),
            baseline=choice.baseline(kind),
            score=SCORE,
            batch_size=16 if session.quick(selection) else 4,
        )


def _measured(
    session: Session, selection: Selection, removal: Removal, one: Map, kind: str
) -> Iterator[CurveRow]:
    steps, random_rankings = _resolution(session, selection)
    growing = perturbation_curves(
        removal,
        grid_values(one),
        kind=kind,
        steps=steps,
        random_rankings=random_rankings,
        generator=np.random.default_rng(SEED),
    )
    while True:
        with session.loaded(selection):
            curves = next(growing, None)
        if curves is None:
            return
        yield _row(one, curves)


def _row(one: Map, curves: PerturbationCurves) -> CurveRow:
    return {
        "method": one["method"],
        "title": one["title"],
        "label": one["label"],
        "kind": curves.kind,
        "score": curves.score,
        "baseline": curves.baseline,
        "units": curves.units,
        "complete": curves.complete,
        "shares": curves.most_first.shares.tolist(),
        "most_first": curves.most_first.scores.tolist(),
        "least_first": curves.least_first.scores.tolist(),
        "random": curves.random.scores.tolist(),
        "auc": curves.most_first.auc,
        "random_auc": curves.random.auc,
        "reverse_auc": curves.least_first.auc,
        "gap": curves.gap,
        "seed": SEED,
    }


def _key(session: Session, selection: Selection, one: Map, choice: CurveChoice, kind: str) -> str:
    settings = (choice.units, choice.baseline(kind), *_resolution(session, selection), SEED)
    return session.key("curves", selection, one["method"], one["target"], kind, *settings)
