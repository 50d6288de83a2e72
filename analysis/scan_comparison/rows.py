"""Scan comparisons as rows for tables and files: JSON-ready, units in the names."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from analysis.models.videomamba import VideoMambaConfig
from analysis.prediction import relation
from analysis.scan_comparison.compare import (
    CAUTIONS,
    ScanResult,
    check_has_orders,
    interpretation,
)
from analysis.scan_comparison.metrics import ScanMetrics, ScanOrderMetrics, scan_order_metrics
from analysis.scan_comparison.trained_answer import TrainedAnswer
from analysis.weights import WeightsCard
from analysis.weights.trained_orders import trained_in_order

_TRAINED_ANSWER = ("trained_label", "trained_probability", "trained_predictions")


def planned_rows(
    scan_orders: Sequence[str], card: WeightsCard, config: VideoMambaConfig
) -> list[dict[str, Any]]:
    """What is known before anything runs: one row per order with its relation and geometry.

    The keys are those of `comparison_rows` without clip, answers and cost. The decay-weighted
    locality is None: it needs the model's own rate. Raises WeightsError as `check_has_orders`.
    """
    check_has_orders(card)
    grid = config.token_grid
    return [
        _identity(card.name, card.architecture, card.training, order, card.scan_order)
        | _trained_weights(card.architecture, order)
        | _geometry(
            scan_order_metrics(
                order, (grid.t, grid.h, grid.w), config.depth, conv_width=config.conv_width
            )
        )
        for order in scan_orders
    ]


def comparison_rows(
    results: Iterable[ScanResult],
    *,
    top: int | None = None,
    trained: Iterable[TrainedAnswer] = (),
) -> list[dict[str, Any]]:
    """One row per result: its `top` classes (None: all), its costs and its geometry.

    `trained_model` and its `trained_accuracy` (percent) are the weights trained in the row's order,
    None where there are none. `trained` are answers of such models: `trained_label`,
    `trained_probability` and `trained_predictions`, None for an order without one. The geometry of
    the whole model stands in the row itself; `layer_kinds` repeats it for each kind of layer where
    a plan mixes orders. None is "not measured" or "no such neighbours".
    """
    answers = {answer.scan_order: answer for answer in trained}
    return [_row(result, top, answers.get(result.scan_order)) for result in results]


def _row(result: ScanResult, top: int | None, trained: TrainedAnswer | None) -> dict[str, Any]:
    first = result.predictions[0]
    answer = {
        "label": first.label,
        "probability": first.probability,
        "top1_agrees": result.top1_agrees,
        "divergence_bits": result.divergence_bits,
        "rank_agreement": result.rank_agreement,
        "predictions": [asdict(prediction) for prediction in result.predictions[:top]],
    }
    cost = {
        "latency_ms": result.latency_ms,
        "relative_latency": result.relative_latency,
        "latency_runs": result.latency_runs,
        "memory_bytes": result.memory_bytes,
        "memory_method": result.memory_method,
        "device": result.device,
    }
    weights = (result.model, result.architecture, result.training)
    identity = _identity(*weights, result.scan_order, result.trained_order)
    own = _trained_weights(result.architecture, result.scan_order) | _trained_answer(trained, top)
    return {"clip": result.clip} | identity | answer | own | cost | _geometry(result.metrics)


def _trained_weights(architecture: str, order: str) -> dict[str, Any]:
    card = trained_in_order(architecture, order)
    return {
        "trained_model": card and card.name,
        "trained_accuracy": card and card.reported_accuracy,
    }


def _trained_answer(trained: TrainedAnswer | None, top: int | None) -> dict[str, Any]:
    if trained is None:
        return {name: None for name in _TRAINED_ANSWER}
    first = trained.predictions[0]
    return {
        "trained_model": trained.model,
        "trained_accuracy": trained.accuracy,
        "trained_label": first.label,
        "trained_probability": first.probability,
        "trained_predictions": [asdict(p) for p in trained.predictions[:top]],
    }


def _identity(
    model: str, architecture: str, training: str, scan_order: str, trained_order: str
) -> dict[str, Any]:
    trained_in = relation(training, scan_order, trained_order)
    return {
        "model": model,
        "training": training,
        "scan_order": scan_order,
        "trained_order": trained_order,
        "relation": trained_in,
        "interpretation": interpretation(scan_order, architecture),
        "caution": CAUTIONS[trained_in],
    }


def _geometry(metrics: ScanOrderMetrics) -> dict[str, Any]:
    return {
        "scans_per_layer": metrics.scans_per_layer,
        "scans_per_pass": metrics.scans_per_pass,
        **_figures(metrics.model),
        "layer_kinds": [
            {
                "layers": list(kind.layers),
                "forward": list(kind.forward),
                "backward": list(kind.backward),
                **_figures(kind.metrics),
            }
            for kind in metrics.layer_kinds
        ],
    }


def _figures(metrics: ScanMetrics) -> dict[str, Any]:
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in asdict(metrics).items()
    }
