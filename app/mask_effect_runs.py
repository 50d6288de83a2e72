"""What masks do to an answer, point by point: recalled where known, else computed."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from analysis.masking.cost_saved import MaskCost, mask_costs
from analysis.masking.effect_summary import EffectSummary, summarised
from analysis.masking.effects import UnmaskedPass, masked_effect, unmasked_pass
from analysis.masking.interval import Interval
from analysis.masking.strategies import STRATEGIES
from analysis.masking.teacher import teacher_hash
from analysis.prediction import Relation, relation
from analysis.weights import LoadedModel
from app.attributions import selection_settings
from app.errors import MaskRequestError
from app.mask_runs import DRAWS, MaskSetting, checked_setting, drawn_masks
from app.selection import Selection
from app.session import Session, planned

RATIOS = (0.3, 0.5, 0.65, 0.8, 0.9)
"""Shares to hide: those of the paper's ablation, and one below."""
_ROUNDS = 5
_TIMED_PASSES = 1 + 4 * _ROUNDS
"""Passes that one side of a timing is worth: short ones run several times a round."""


@dataclass(frozen=True)
class EffectQuestion:
    """Which curves are asked for; masks are those of the page at this seed."""

    selection: Selection
    seed: int
    strategies: tuple[str, ...] = tuple(STRATEGIES)
    ratios: tuple[float, ...] = RATIOS


@dataclass(frozen=True)
class EffectCurves:
    """What is known of a question's curves.

    answer: the class that the whole clip is given, with its probability. points: in the order in
    which they came, ratio by ratio. costs: likewise, beginning with nothing hidden. steps: points
    and costs that the whole question has.
    """

    question: EffectQuestion
    answer: str
    probability: float
    training: str
    relation: Relation
    steps: int
    points: tuple[EffectSummary, ...] = ()
    costs: tuple[MaskCost, ...] = ()

    @property
    def complete(self) -> bool:
        return len(self.points) + len(self.costs) == self.steps

    def of(self, strategy: str) -> list[EffectSummary]:
        """The points of one strategy, by the share hidden."""
        return sorted(
            (point for point in self.points if point.strategy == strategy),
            key=lambda point: point.real_ratio,
        )


def effect_curves(
    session: Session, question: EffectQuestion, *, anew: bool = False
) -> Iterator[EffectCurves]:
    """The curves as they grow: recalled points first, then one at a time until all are there.

    `anew` measures everything again where nothing is missing. Raises VideoError and WeightsError.
    """
    curves = known_curves(session, question)
    if curves is None or (anew and curves.complete):
        curves = _begun(session, question)
    yield curves
    known = {(point.ratio, point.strategy) for point in curves.points}
    whole = None
    for ratio in question.ratios:
        missing = [name for name in question.strategies if (ratio, name) not in known]
        if not missing:
            continue
        whole = whole or _whole(session, question)
        setting = MaskSetting(missing[0], ratio, question.seed)
        drawn = drawn_masks(session, question.selection, setting)
        for strategy in missing:
            patches = torch.from_numpy(drawn.masks[strategy])
            point = _point(session, question, strategy, ratio, patches, whole)
            curves = replace(curves, points=(*curves.points, point))
            yield curves
    measured = {cost.ratio for cost in curves.costs}
    for ratio in _cost_ratios(question):
        if ratio not in measured:
            curves = replace(curves, costs=(*curves.costs, _cost(session, question, ratio)))
            yield curves


def known_curves(session: Session, question: EffectQuestion) -> EffectCurves | None:
    """What was computed of the curves before; None where nothing was.

    Raises VideoError and WeightsError.
    """
    begun = session.recall(_key(session, question, "answer"))
    if begun is None:
        return None
    points = [
        session.recall(_point_key(session, question, strategy, ratio))
        for ratio in question.ratios
        for strategy in question.strategies
    ]
    costs = [session.recall(_cost_key(session, question, r)) for r in _cost_ratios(question)]
    return replace(
        _curves(question, begun),
        points=tuple(_summary(payload) for payload in points if payload),
        costs=tuple(MaskCost(**payload) for payload in costs if payload),
    )


def estimated_effects_ms(session: Session, question: EffectQuestion) -> float:
    """About how long the curves take that are not known yet. Raises VideoError, WeightsError."""
    known = known_curves(session, question)
    points = () if known is None else known.points
    costs = () if known is None else known.costs
    done = {(point.ratio, point.strategy) for point in points}
    passes = sum(
        DRAWS * (1 - ratio)
        for ratio in question.ratios
        for strategy in question.strategies
        if (ratio, strategy) not in done
    )
    timed = set(_cost_ratios(question)) - {cost.ratio for cost in costs}
    passes += sum(_TIMED_PASSES * (2 - ratio) for ratio in timed)
    return passes * session.estimate_ms(question.selection)


def asked_curves(selection: Selection, strategies: str, ratios: str, seed: float) -> EffectQuestion:
    """A question in words: names and numbers with commas between, or all strategies.

    Raises MaskRequestError, one sentence, for what cannot be drawn.
    """
    names = [name.strip() for name in strategies.split(",")]
    if names == ["all"]:
        names = list(STRATEGIES)
    try:
        shares = [float(ratio) for ratio in ratios.split(",")]
    except ValueError:
        raise MaskRequestError(
            f"The ratios are {ratios!r}; give numbers with commas between, such as 0.5,0.8."
        ) from None
    settings = [checked_setting(name, ratio, seed) for name in names for ratio in shares]
    return EffectQuestion(
        selection, settings[0].seed, tuple(dict.fromkeys(names)), tuple(sorted(set(shares)))
    )


def effect_document(curves: EffectCurves) -> dict[str, Any]:
    """The curves as JSON: the whole clip's answer, points and costs."""
    return {
        "answer": curves.answer,
        "probability": curves.probability,
        "training": curves.training,
        "relation": curves.relation,
        "points": [asdict(point) for point in curves.points],
        "costs": [asdict(cost) for cost in curves.costs],
    }


def effect_rows(curves: EffectCurves) -> list[dict[str, Any]]:
    """The points as a table: a row per strategy and ratio, the ends of intervals as columns."""
    rows = []
    for point in curves.points:
        row: dict[str, Any] = {}
        for name, value in asdict(point).items():
            if isinstance(value, dict):
                row |= {f"{name}_{end}": value[end] for end in ("mean", "low", "high")}
            else:
                row[name] = value
        rows.append(row)
    return rows


def effect_settings(question: EffectQuestion) -> dict[str, Any]:
    """What the curves depend on."""
    return {**selection_settings(question.selection), "seed": question.seed, "draws": DRAWS}


def _begun(session: Session, question: EffectQuestion) -> EffectCurves:
    """The curves before their first point: the answer about the whole clip."""
    with session.loaded(question.selection) as loaded:
        whole = unmasked_pass(loaded.model, _clip(session, question, loaded))
        begun = {
            "answer": loaded.labels[whole.answer],
            "probability": whole.probability,
            "training": loaded.card.training,
        }
    session.remember(_key(session, question, "answer"), begun)
    return _curves(question, begun)


def _curves(question: EffectQuestion, begun: dict[str, Any]) -> EffectCurves:
    selection = question.selection
    trained = planned(selection).card.scan_order
    points = len(question.ratios) * len(question.strategies)
    return EffectCurves(
        question,
        begun["answer"],
        begun["probability"],
        begun["training"],
        relation(begun["training"], selection.scan_order, trained),
        points + len(_cost_ratios(question)),
    )


def _whole(session: Session, question: EffectQuestion) -> UnmaskedPass:
    with session.loaded(question.selection) as loaded:
        return unmasked_pass(loaded.model, _clip(session, question, loaded))


def _point(
    session: Session,
    question: EffectQuestion,
    strategy: str,
    ratio: float,
    patches: Tensor,
    whole: UnmaskedPass,
) -> EffectSummary:
    """The draws `patches` (draws, t, h, w) of one strategy, run now and remembered."""
    masks = F.pad(patches.flatten(1), (1, 0))
    with session.loaded(question.selection) as loaded:
        clip = _clip(session, question, loaded)
        effect = masked_effect(loaded.model, clip, masks.to(clip.device), whole, strategy, ratio)
    point = summarised(effect)
    session.remember(_point_key(session, question, strategy, ratio), asdict(point))
    return point


def _cost(session: Session, question: EffectQuestion, ratio: float) -> MaskCost:
    generator = torch.Generator().manual_seed(question.seed)
    with session.loaded(question.selection) as loaded:
        clip = _clip(session, question, loaded)
        (cost,) = mask_costs(loaded.model, clip, (ratio,), generator, rounds=_ROUNDS)
    session.remember(_cost_key(session, question, ratio), asdict(cost))
    return cost


def _clip(session: Session, question: EffectQuestion, loaded: LoadedModel) -> Tensor:
    """As the model takes it: (C, T, H, W), or (C, H, W) for an image model."""
    clip = session.sampled(question.selection, loaded).clip
    clip = clip.to(next(loaded.model.parameters()).device)
    return clip[:, 0] if loaded.model.config.num_frames is None else clip


def _cost_ratios(question: EffectQuestion) -> Sequence[float]:
    return (0.0, *(ratio for ratio in question.ratios if ratio))


def _summary(payload: dict[str, Any]) -> EffectSummary:
    return EffectSummary(
        **{
            name: Interval(**value) if isinstance(value, dict) else value
            for name, value in payload.items()
        }
    )


def _key(session: Session, question: EffectQuestion, *parts: str | int | float) -> str:
    return session.key("mask effects", question.selection, *parts)


def _point_key(session: Session, question: EffectQuestion, strategy: str, ratio: float) -> str:
    teacher = teacher_hash() if STRATEGIES[strategy].reads == "attention" else ""
    return _key(session, question, strategy, ratio, question.seed, teacher)


def _cost_key(session: Session, question: EffectQuestion, ratio: float) -> str:
    return _key(session, question, "cost", ratio)
