"""One clip and one set of weights, read in one scan order after another.

Reordering trained weights measures how well they bear reordering, not how good an order is: the
weights were fitted to the neighbours of their own order. Every result carries that sentence.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from analysis.models import model_family
from analysis.ops.scan_order import PUBLISHED_SCAN_ORDERS, SCAN_ORDERS
from analysis.prediction import (
    LabelProbability,
    Relation,
    SampledClip,
    rank_labels,
    relation,
)
from analysis.scan_comparison.divergence import jensen_shannon_bits, rank_agreement
from analysis.scan_comparison.metrics import ScanOrderMetrics, scan_order_metrics
from analysis.scan_comparison.order_runs import OrderRuns
from analysis.weights import LoadedModel, WeightsCard, WeightsError

Interpretation = Literal["published", "our reading"]

CAUTIONS: dict[Relation, str] = {
    "trained order": "The order these weights were trained in.",
    "reordered": (
        "Weights run in an order they were not trained in: this measures robustness to "
        "reordering, not the quality of the order; for that, one model per order is trained."
    ),
    "untrained": (
        "Untrained weights: the answers mean nothing, only cost and geometry can be compared."
    ),
}


@dataclass(frozen=True)
class ScanResult:
    """What one scan order makes of one clip, beside the order the weights were trained in.

    - `trained_order`: the reference of all comparisons; for untrained weights the published order.
    - `relation`, `caution`: what may be concluded, in two words and in one sentence.
    - `interpretation`: "published" where released code has this order, else "our reading".
    - `predictions`: every class, most probable first; probabilities from 0 to 1.
    - `divergence_bits`: Jensen-Shannon divergence of the class probabilities from those of the
      trained order, 0 (same answer) to 1 (nothing in common).
    - `top1_agrees`: whether the first class is the trained order's.
    - `rank_agreement`: Spearman correlation of all classes with the trained order's, -1 to 1.
    - `latency_ms`: median time of one forward pass over `latency_runs` runs, decoding apart.
    - `relative_latency`: median ratio of a run's time to that of the trained order run beside it.
    - `memory_bytes`, `memory_method`: peak above weights and input, and how it was read; None
      where the system does not tell.
    - `metrics`: geometry of the order on this model's token grid, with its number of scans.
    """

    clip: str
    model: str
    architecture: str
    training: str
    scan_order: str
    trained_order: str
    relation: Relation
    interpretation: Interpretation
    caution: str
    predictions: tuple[LabelProbability, ...]
    divergence_bits: float
    top1_agrees: bool
    rank_agreement: float
    latency_ms: float
    relative_latency: float
    latency_runs: int
    memory_bytes: int | None
    memory_method: str
    device: str
    metrics: ScanOrderMetrics


def interpretation(scan_order: str, architecture: str) -> Interpretation:
    """Whether released code has this scan order, or we read it out of the paper's text.

    Of MoMa no code was released.
    """
    published = scan_order in PUBLISHED_SCAN_ORDERS and model_family(architecture) != "moma"
    return "published" if published else "our reading"


def compare_scans(
    loaded: LoadedModel,
    sampled: SampledClip,
    scan_orders: Sequence[str] = SCAN_ORDERS,
    *,
    repeats: int = 5,
    budget_s: float = 2.0,
) -> Iterator[ScanResult]:
    """Read one clip in each scan order; give one result per order as soon as it is finished.

    The first answer waits for a warm-up in the trained order. Each order is then run once for its
    answer and its memory, and timed `repeats` times in turn with the trained order, so that a
    machine that slows down slows both. Timing stops early after `budget_s` seconds an order (at
    least one pair is timed); a model whose single run takes longer than the budget is run once
    per order and that run is the latency. Between results, after the last, after an error and
    after closing the iterator the model is in the scan order it had before.

    Raises ValueError, before anything runs, for an unknown scan order, none at all, one named
    twice, or repeats below 1; WeightsError as `check_has_orders`.
    """
    orders = tuple(scan_orders)
    if not orders:
        raise ValueError("choose at least one scan order to compare")
    for order in orders:
        if order not in SCAN_ORDERS:
            raise ValueError(f"unknown scan order {order!r}; choose among {', '.join(SCAN_ORDERS)}")
        if orders.count(order) > 1:
            raise ValueError(f"scan order {order!r} is named twice; name each order once")
    check_has_orders(loaded.card)
    if repeats < 1:
        raise ValueError(f"repeats is at least 1, got {repeats}")
    return _results(loaded, sampled, orders, repeats, budget_s)


def check_has_orders(card: WeightsCard) -> None:
    """Raises WeightsError for weights of a model that reads in its own order only."""
    if card.scan_order is None:
        raise WeightsError(
            f"{card.name} leaves no scan order to choose, so there is nothing to compare; choose "
            "weights of a VideoMamba or a MoMa."
        )


def _results(
    loaded: LoadedModel,
    sampled: SampledClip,
    orders: tuple[str, ...],
    repeats: int,
    budget_s: float,
) -> Iterator[ScanResult]:
    runs = OrderRuns(loaded.model, sampled.clip, loaded.card.scan_order, repeats, budget_s)
    for order in orders:
        yield _result(loaded, sampled, order, runs)


def _result(loaded: LoadedModel, sampled: SampledClip, order: str, runs: OrderRuns) -> ScanResult:
    card, config = loaded.card, loaded.model.config
    measured = runs.measure(order)
    own, reference = measured.probabilities, runs.reference.probabilities
    trained_in = relation(card.training, order, card.scan_order)
    pairs = zip(measured.latencies_ms, measured.reference_latencies_ms, strict=True)
    grid = loaded.model.token_grid
    return ScanResult(
        clip=sampled.name,
        model=card.name,
        architecture=card.architecture,
        training=card.training,
        scan_order=order,
        trained_order=card.scan_order,
        relation=trained_in,
        interpretation=interpretation(order, card.architecture),
        caution=CAUTIONS[trained_in],
        predictions=rank_labels(own, loaded.labels),
        divergence_bits=jensen_shannon_bits(own, reference),
        top1_agrees=bool(own.argmax() == reference.argmax()),
        rank_agreement=rank_agreement(own, reference),
        latency_ms=median(measured.latencies_ms),
        relative_latency=median(own / reference for own, reference in pairs),
        latency_runs=len(measured.latencies_ms),
        memory_bytes=measured.memory.memory_bytes,
        memory_method=measured.memory.method,
        device=str(runs.device),
        metrics=scan_order_metrics(
            order,
            (grid.t, grid.h, grid.w),
            config.depth,
            conv_width=config.conv_width,
            decay_rate=runs.decay_rate,
        ),
    )
