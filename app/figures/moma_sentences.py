"""What to look at in the MoMa section of Adapters, with the clip's numbers."""

from collections.abc import Sequence
from html import escape

import numpy as np

from analysis.adaptation.mixing_cost import MixingCost
from analysis.weights import WeightsCard
from app.figures.badge import training_badge
from app.figures.moma import small
from app.figures.number_format import percent, significant, with_minus
from app.moma_models import SEED
from app.moma_runs import MomaLook, MomaReach

ASK = "Maps, answers and reach of the page's clip appear here."
_OURS = (
    "The paper's code is not public: the inside of the scans, and what exactly fusions and "
    "patterns are, is our reading."
)
_ELSEWHERE = ("own frame", "earlier frames", "later frames")


def standing_view(scans: WeightsCard | None, tower: WeightsCard) -> str:
    """How far scans and tower are trained, as badges and a sentence."""
    training = "untrained" if scans is None else scans.training
    badges = f"scans {training_badge(training)} tower {training_badge(tower.training)}"
    return f'<p class="caption">{badges} {escape(standing_sentence(scans, tower))}</p>'


def standing_sentence(scans: WeightsCard | None, tower: WeightsCard) -> str:
    """What was trained and what was not; `scans` is the card of trained ones, or None."""
    if scans is None:
        return (
            f"The scans are untrained: drawn at seed {SEED}, on the frozen picture tower of "
            f"{tower.name}, which was trained here on {tower.data}. A fresh MoMa begins with its "
            "last projections at zero, says nothing and shows nothing; the strength takes them "
            "from there. So read what the parts do to tokens, not what the answer means: it is "
            f"picked among 48 coloured shapes. {_OURS}"
        )
    return f"{scans.name} was trained here on {scans.data}, over the frozen tower. {_OURS}"


def answers_sentence(look: MomaLook | None) -> str:
    """What windows and scans each move."""
    if look is None:
        return ASK
    _, windows, *_, scans = look.answers
    said = (
        f"Windows alone leave the embedding at a cosine of {with_minus(windows['cosine'])} with "
        f"the frozen tower's, the scans at {with_minus(scans['cosine'])}."
    )
    if scans["label"] == windows["label"]:
        said += f" The answer stays {scans['label']} ({percent(scans['probability'])})."
    else:
        said += f" The answer turns from {windows['label']} to {scans['label']}."
    if look.setting["cls"] == "drop":
        said += (
            " Without class token and whole frames the windowed tower is not the CLIP it was cut "
            "from; modulation comes on top of that."
        )
    return said


def map_sentence(look: MomaLook | None, layer: int) -> str:
    """Where tokens are turned most, and by how much, on a map that can be clicked."""
    if look is None:
        return "Click a patch in the map to see below what it hears of."
    return f"{turn_sentence(look, layer)} Click a patch to see below what it hears of."


def turn_sentence(look: MomaLook, layer: int) -> str:
    """Where tokens are turned most, and by how much."""
    turn = np.array(look.layers[layer - 1]["turn"])
    frame, row, column = (int(i) for i in np.unravel_index(turn.argmax(), look.grid))
    said = (
        f"In modulation {layer} tokens keep a cosine of {significant(1 - float(turn.mean()))} with "
        f"themselves on average; row {row + 1}, column {column + 1} of frame {frame + 1} is turned "
        f"most, to {significant(1 - float(turn.max()))}."
    )
    if not turn.any():
        said = f"Modulation {layer} leaves every token exactly as it is."
    if look.setting["fusion"].startswith("adan"):
        said += " Scale and bias are what the scans say of each token; adan uses their means."
    return said


def reach_sentence(reach: MomaReach | None) -> str:
    """How many tokens are heard of, and how much of the influence comes from where."""
    if reach is None:
        return "What one token hears of, with windows only and with the scans."
    frame, row, column = (place + 1 for place in reach.token)
    tokens = int(np.prod(reach.grid))
    beyond = sum(reach.scans["shares"][place] for place in _ELSEWHERE)
    said = (
        f"Row {row}, column {column} of frame {frame} hears of {reach.windows['reached']} of "
        f"{tokens} tokens through windows, through windows and scans of {reach.scans['reached']}; "
        f"{percent(beyond)} of what it hears comes from outside its window, "
        f"{percent(reach.scans['shares']['earlier frames'])} from earlier and "
        f"{percent(reach.scans['shares']['later frames'])} from later frames."
    )
    if reach.windows["reached"] == reach.scans["reached"]:
        said += " The scans say nothing that carries further here."
    return said


def shuffle_sentence(look: MomaLook | None) -> str:
    """How far shuffled frames move the embedding, beside a mean that cannot move."""
    if look is None:
        return "A mean over frames cannot tell their order; scans can."
    if look.shuffle is None:
        return "A clip of one frame has no order to change; choose more frames."
    moved = max(0.0, 1 - min(look.shuffle["cosine"]))
    still = max(0.0, 1 - min(look.shuffle["frozen_cosine"]))
    orders = len(look.shuffle["orders"])
    said = (
        f"In {orders} orders of its frames (reversed, and shuffled at seed {SEED}) the clip's "
        f"embedding moves by up to {small(moved)}; the frozen tower's mean over frames cannot move "
        f"(measured: {small(still)}, rounding). The answer changes in "
        f"{look.shuffle['turned'] or 'none'} of them."
    )
    if look.training == "untrained":
        said += " Untrained scans hear the order without having learned what it means."
    return said


def mixing_sentence(costs: Sequence[MixingCost]) -> str:
    """What MoMa's two stages cost beside attention over all frames."""
    first, last = costs[0], costs[-1]
    times = last.full / (last.divide + last.modulate)
    return (
        f"At {last.frames} frames attention over all tokens costs {significant(times)} times what "
        f"Divide and Modulate cost together. From {first.frames} to {last.frames} frames theirs "
        f"grows {significant((last.divide + last.modulate) / (first.divide + first.modulate))} "
        f"times, full attention's {significant(last.full / first.full)} times. Counted, not timed: "
        "Cost measures times."
    )
