"""Rows as a comparison leaves them, with answers written by hand."""

from dataclasses import replace

import pytest

from analysis.models import model_config
from analysis.scan_comparison.rows import planned_rows
from analysis.weights import weights_card

ANSWERS = {
    # order: probabilities of pan left, pan right, static; bits; time as a multiple
    "spatial_first": ((0.8, 0.15, 0.05), 0.0, 1.0),
    "temporal_first": ((0.2, 0.5, 0.3), 0.31, 1.1),
    "spatiotemporal_v2": ((0.7, 0.2, 0.1), 0.02, 1.9),
}
LABELS = ("pan left", "pan right", "static")


def finished_row(row: dict, probabilities, bits: float, multiple: float) -> dict:
    ranked = sorted(zip(LABELS, probabilities, strict=True), key=lambda pair: -pair[1])
    return row | {
        "clip": "clip.mp4",
        "label": ranked[0][0],
        "probability": ranked[0][1],
        "top1_agrees": ranked[0][0] == "pan left",
        "divergence_bits": bits,
        "rank_agreement": 1.0,
        "predictions": [{"label": label, "probability": p} for label, p in ranked],
        "latency_ms": 20.0 * multiple,
        "relative_latency": multiple,
        "latency_runs": 5,
        "memory_bytes": 2_000_000,
        "memory_method": "by hand",
        "device": "cpu",
    }


@pytest.fixture
def planned():
    """Makes rows of the mini model's grid: `planned(orders, training)`."""

    def make(orders=tuple(ANSWERS), training: str = "toy", **overrides):
        card = replace(weights_card("videomamba_mini.untrained"), training=training)
        return planned_rows(orders, card, model_config("videomamba_mini", **overrides))

    return make


@pytest.fixture
def measured(planned):
    """The same rows with their answers: `measured(orders, training)`."""

    def make(orders=tuple(ANSWERS), training: str = "toy"):
        return [finished_row(row, *ANSWERS[row["scan_order"]]) for row in planned(orders, training)]

    return make
