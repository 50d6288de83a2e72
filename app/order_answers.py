"""One clip read in several scan orders: rows recalled where known, else measured one by one."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from analysis.prediction import SampledClip
from analysis.scan_comparison.compare import compare_scans
from analysis.scan_comparison.rows import comparison_rows, planned_rows
from analysis.scan_comparison.trained_answer import TrainedAnswer, trained_answer
from analysis.weights import WeightsCard, weights_hash
from analysis.weights.trained_orders import trained_beside
from app.errors import READABLE_ERRORS
from app.selection import Selection
from app.session import Session, planned

Row = dict[str, Any]

REPEATS = 5
BUDGET_S = 2.0
"""Timing of one order stops after this many seconds; slower models are run once per order."""


def planned_order_rows(selection: Selection, orders: Sequence[str]) -> list[Row]:
    """What is known before anything runs: geometry, and how each order relates to the weights."""
    plan = planned(selection)
    return planned_rows(orders, plan.card, plan.config)


def order_rows(
    session: Session, selection: Selection, orders: Sequence[str], anew: bool, progress=None
) -> Iterator[Row]:
    """A row per order as soon as it is known, recalled ones first; see `comparison_rows`.

    With `anew` every order is measured now, whatever is remembered. The model is held only while
    an order is measured, so that others are served in between.
    Raises VideoError and WeightsError, each one sentence.
    """
    missing = list(orders) if anew else unknown_orders(session, selection, orders)
    for order in orders:
        if order not in missing:
            yield session.recall(_key(session, selection, order))
    if not missing:
        return
    with session.loaded(selection, progress) as loaded:
        sampled = session.sampled(selection, loaded)
    results = compare_scans(loaded, sampled, missing, repeats=REPEATS, budget_s=BUDGET_S)
    for order in missing:
        with session.loaded(selection):
            result = next(results)
        (row,) = comparison_rows([result], trained=_trained(session, selection, order, sampled))
        session.run_times.record(replace(selection, scan_order=order), result.latency_ms)
        session.remember(_key(session, selection, order), row)
        yield row


def unknown_orders(session: Session, selection: Selection, orders: Sequence[str]) -> list[str]:
    """The orders that were not measured before, or all while the weights are not here yet."""
    try:
        return [o for o in orders if session.recall(_key(session, selection, o)) is None]
    except READABLE_ERRORS:
        return list(orders)


def estimated_ms(session: Session, selection: Selection, count: int) -> float:
    """About how long it takes to measure `count` orders."""
    if not count:
        return 0.0
    one_pass = session.estimate_ms(selection)
    timed = 0.0
    if one_pass <= 1000 * BUDGET_S:
        timed = min(2 * REPEATS * one_pass, 2 * one_pass + 1000 * BUDGET_S)
    return 2 * one_pass + count * (one_pass + timed)


def _key(session: Session, selection: Selection, order: str) -> str:
    """An order's row does not depend on the order chosen in the sidebar."""
    card = _trained_card(selection, order)
    beside = weights_hash(card) if card else None
    return session.key("scan order", replace(selection, scan_order=order), beside)


def _trained_card(selection: Selection, order: str) -> WeightsCard | None:
    """Weights trained in `order`, of the selection's architecture; None for the selection's own."""
    return trained_beside(planned(selection).card, order)


def _trained(
    session: Session, selection: Selection, order: str, sampled: SampledClip
) -> tuple[TrainedAnswer, ...]:
    """The answer of the model that was trained in `order`, where there is one."""
    card = _trained_card(selection, order)
    if card is None:
        return ()
    with session.loaded(replace(selection, model=card.name, scan_order=order)) as loaded:
        return (trained_answer(loaded, sampled),)
