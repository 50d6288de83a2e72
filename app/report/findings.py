"""What is known about a selection: results the page computed before, and what costs little."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from analysis.attribution.attribution import METHODS
from analysis.attribution.memory.layer_memory import LayerMemory
from analysis.layers.token_grid import TokenGrid
from analysis.ops.scan_order import FIXED_ORDER, SCAN_ORDERS
from analysis.prediction import SampledClip, WindowPrediction
from analysis.tracing.opened_models import TracingError
from analysis.weights import WeightsCard, WeightsError, weights_hash
from app.answers import Answer, answer, recalled_answer
from app.attributions import (
    TOP_CLASS,
    ExplainedClass,
    class_probabilities,
    explained_class,
    explained_targets,
    recalled_map,
)
from app.faithfulness_runs import CurveRow, recalled_curves
from app.figures.evidence import Map
from app.layer_answers import EVIDENCE, LayerMaps, layer_maps, memory_of_layer
from app.order_answers import Row, order_rows, unknown_orders
from app.report.adapter_findings import (
    AdaptorFindings,
    MomaFindings,
    known_adaptors,
    known_momas,
)
from app.result_cache import content_hash
from app.selection import Selection
from app.session import Session, planned
from app.what_if_runs import Outcome, known_outcomes
from app.window_answers import WINDOW_LENGTHS_S, WindowPlan, plan_windows, recalled_windows

MOST_CLASSES = 3
"""Classes whose maps are shown; more make the file too large to be read."""
LEADING_CLASSES = 10
"""The most probable classes, whose maps are looked up beside those of the classes explained last;
a look-up for each of hundreds of classes takes seconds."""


@dataclass(frozen=True, eq=False)
class Timeline:
    """Answers along the clip, read with windows of one length."""

    plan: WindowPlan
    windows: tuple[WindowPrediction, ...]


@dataclass(frozen=True, eq=False)
class LayerFindings:
    """What feeds the read-out in the last layer, and how long that layer remembers."""

    found: LayerMaps
    memory: LayerMemory


@dataclass(frozen=True, eq=False)
class ClassFindings:
    """The maps of one class that are known, and the curves that judge them."""

    explained: ExplainedClass
    maps: tuple[Map, ...]
    curves: tuple[CurveRow, ...]


@dataclass(frozen=True, eq=False)
class Findings:
    """Everything a report tells; what is None or empty was not computed.

    classes: those with maps, most probable first but for the one that was asked for; left_out:
    labels of further ones with maps. momas, adaptors: what Adapters was last asked of this clip,
    for each set of weights. not_here: why results cannot be looked up, one sentence or "".
    clip_sha256, weights_sha256: what the numbers are of; the latter "" while weights are not here.
    """

    selection: Selection
    card: WeightsCard
    sampled: SampledClip
    grid: TokenGrid
    tubelet: int
    made_at: datetime
    clip_sha256: str
    weights_sha256: str = ""
    not_here: str = ""
    answer: Answer | None = None
    timelines: tuple[Timeline, ...] = ()
    orders: tuple[Row, ...] = ()
    layer: LayerFindings | None = None
    asked: ExplainedClass | None = None
    classes: tuple[ClassFindings, ...] = ()
    left_out: tuple[str, ...] = ()
    what_ifs: tuple[Outcome, ...] = ()
    momas: tuple[MomaFindings, ...] = ()
    adaptors: tuple[AdaptorFindings, ...] = ()

    @property
    def missing(self) -> tuple[str, ...]:
        """What was not computed, in words."""
        parts = [
            ("the answer", self.answer),
            ("the answer along the clip", self.timelines),
            (_missing_orders(len(self.orders)), self._all_orders_known()),
            ("what feeds the read-out and how long it is remembered", self.layer),
            (self._missing_maps(), self._asked_has_maps()),
            ("deletion and insertion curves", any(one.curves for one in self.classes)),
            ("what ifs", self.what_ifs),
            ("what a small MoMa does to the clip", self.momas),
            ("what a small Mamba-Adaptor reads in it", self.adaptors),
        ]
        return tuple(words for words, known in parts if not known)

    def _all_orders_known(self) -> bool:
        """A model that leaves no order to choose has none to compare."""
        return self.selection.scan_order == FIXED_ORDER or len(self.orders) == len(SCAN_ORDERS)

    def _asked_has_maps(self) -> bool:
        return any(one.explained == self.asked for one in self.classes)

    def _missing_maps(self) -> str:
        if not self.classes or self.asked is None:
            return "attribution maps"
        return f"attribution maps of {self.asked.label}"


def gather(
    session: Session,
    selection: Selection,
    class_index: int = TOP_CLASS,
    made_at: datetime | None = None,
) -> Findings:
    """Look up all that is known; answer and last layer are computed where that is quick.

    class_index: the class to put first. made_at: moment of the report, by default now.
    Raises VideoError, WeightsError and AttributionError, one sentence each.
    """
    plan = planned(selection)
    about = {
        "selection": selection,
        "card": plan.card,
        "sampled": session.sampled(selection),
        "grid": plan.config.token_grid,
        "tubelet": selection.tubelet(plan.config.token_grid),
        "made_at": made_at or datetime.now(UTC),
        "clip_sha256": content_hash(selection.clip),
    }
    try:
        about["weights_sha256"] = weights_hash(plan.card)
    except WeightsError as error:
        return Findings(**about, not_here=str(error))
    given = _answer(session, selection)
    asked, classes, left_out = None, (), ()
    if given is not None:
        probabilities = class_probabilities(session, selection)
        asked = explained_class(probabilities, class_index)
        classes, left_out = _classes(session, selection, probabilities, asked)
    return Findings(
        **about,
        answer=given,
        timelines=_timelines(session, selection),
        orders=_orders(session, selection),
        layer=_layer(session, selection, getattr(plan.config, "depth", 1)),
        asked=asked,
        classes=classes,
        left_out=left_out,
        what_ifs=tuple(known_outcomes(session, selection)),
        momas=known_momas(session, selection),
        adaptors=known_adaptors(session, selection),
    )


def _answer(session: Session, selection: Selection) -> Answer | None:
    if session.quick(selection):
        return answer(session, selection)
    return recalled_answer(session, selection)


def _timelines(session: Session, selection: Selection) -> tuple[Timeline, ...]:
    plans = [plan_windows(selection.clip, window_s) for window_s in WINDOW_LENGTHS_S]
    found = [Timeline(plan, recalled_windows(session, selection, plan)) for plan in plans]
    return tuple(one for one in found if one.windows)


def _orders(session: Session, selection: Selection) -> tuple[Row, ...]:
    unknown = unknown_orders(session, selection, SCAN_ORDERS)
    known = [order for order in SCAN_ORDERS if order not in unknown]
    return tuple(order_rows(session, selection, known, anew=False))


def _layer(session: Session, selection: Selection, depth: int) -> LayerFindings | None:
    if not session.is_traced(selection, depth - 1) and not session.quick(selection):
        return None
    try:
        found = layer_maps(session, selection, depth, EVIDENCE)
    except TracingError:
        return None
    return LayerFindings(found, memory_of_layer(session, selection, depth))


def _classes(
    session: Session,
    selection: Selection,
    probabilities: Sequence[tuple[int, str, float]],
    asked: ExplainedClass,
) -> tuple[tuple[ClassFindings, ...], tuple[str, ...]]:
    """The classes with maps, the one asked for first, and the labels of those too many."""
    leading = {index for index, _, _ in probabilities[:LEADING_CLASSES]}
    looked_up = leading | set(explained_targets(session, selection))
    each = (explained_class(probabilities, i) for i, _, _ in probabilities if i in looked_up)
    ranked = [asked, *(one for one in each if one != asked)]
    known = [(one, maps) for one in ranked if (maps := _maps(session, selection, one.index))]
    shown = tuple(
        ClassFindings(one, maps, tuple(recalled_curves(session, selection, maps)))
        for one, maps in known[:MOST_CLASSES]
    )
    return shown, tuple(one.label for one, _ in known[MOST_CLASSES:])


def _maps(session: Session, selection: Selection, target: int) -> tuple[Map, ...]:
    found = (recalled_map(session, selection, name, target) for name in METHODS)
    return tuple(one for one in found if one is not None)


def _missing_orders(known: int) -> str:
    if not known:
        return "scan orders"
    return f"{len(SCAN_ORDERS) - known} of {len(SCAN_ORDERS)} scan orders"
