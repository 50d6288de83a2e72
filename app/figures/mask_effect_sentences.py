"""What to look at in the effects of masks, filled with this clip's numbers."""

from app.figures.number_format import data_size, duration, percent, share, with_minus
from app.mask_effect_runs import EffectCurves
from app.theme import SCAN_ORDER_NAMES, STRATEGY_NAMES

WAITING = "Press Measure: the clip is answered again from what each mask leaves."
ASKED = 0.8
"""The share that sentences speak of, the paper's."""


def effects_sentence(curves: EffectCurves | None) -> str:
    """Whose answer holds longest at the paper's ratio, and how far that may be trusted."""
    if curves is None or not curves.points:
        return WAITING
    ratio = min(curves.question.ratios, key=lambda one: abs(one - ASKED))
    here = {point.strategy: point for point in curves.points if point.ratio == ratio}
    start = (
        f"The whole clip is {curves.answer} with {percent(curves.probability)}. {_trust(curves)}"
    ).strip()
    if not here:
        return start
    best = max(here.values(), key=lambda point: point.probability.mean)
    worst = min(here.values(), key=lambda point: point.probability.mean)
    kept = best.probability
    words = (
        f"{start} With {share(ratio)} asked to be hidden, that answer is most probable under "
        f"{STRATEGY_NAMES[best.strategy]}, {percent(kept.mean)}"
    )
    if kept.low is not None:
        words += f" ({percent(kept.low)} to {percent(kept.high)})"
    words += f", and still the first in {share(best.same_answer.mean)} of draws"
    if worst is not best:
        words += (
            f"; it is least probable under {STRATEGY_NAMES[worst.strategy]}, "
            f"{percent(worst.probability.mean)}"
        )
    return f"{words}."


def similarity_sentence(curves: EffectCurves | None, chosen: str | None) -> str:
    """How far the features of the chosen strategy move, beside its answer."""
    points = [] if curves is None or chosen is None else curves.of(chosen)
    if not points:
        return "Features of masked passes are compared with those of the whole clip."
    last = points[-1]
    return (
        f"With {share(round(last.real_ratio, 3))} hidden by {STRATEGY_NAMES[chosen]}, what the "
        f"classifier is given has a cosine of {with_minus(last.readout_similarity.mean)} with that "
        f"of the whole clip; single visible tokens have {with_minus(last.token_similarity.mean)} "
        "with themselves."
    )


def saving_sentence(curves: EffectCurves | None) -> str:
    """What the largest share hidden saves."""
    if curves is None or len(curves.costs) < 2:
        return "Time and memory are measured after the answers."
    ordered = sorted(curves.costs, key=lambda cost: cost.real_ratio)
    first, last = ordered[0], ordered[-1]
    words = (
        f"With {share(round(last.real_ratio, 3))} hidden, {last.tokens} of {first.tokens} tokens "
        f"take {duration(last.latency_ms)}, {share(round(last.relative_latency, 3))} of the whole "
        "pass"
    )
    if last.memory_bytes is not None and first.memory_bytes:
        words += (
            f", and {data_size(last.memory_bytes)} of memory instead of "
            f"{data_size(first.memory_bytes)}"
        )
    return f"{words}."


def _trust(curves: EffectCurves) -> str:
    if curves.relation == "untrained":
        return "The weights are random, so read similarity and cost, not the answer."
    if curves.relation == "reordered":
        order = SCAN_ORDER_NAMES[curves.question.selection.scan_order]
        return f"The weights were trained in another order than {order}."
    if curves.training == "toy":
        return "The model was trained at small scale, and to classify whole clips alone."
    return "The model was trained to classify whole clips alone."
