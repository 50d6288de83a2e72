"""Study tables with numbers written by hand."""

import pytest

from analysis.training.studies import Study, StudyRow, StudyRun, StudyTable
from analysis.training.study_summary import summarise

ACCURACIES = {
    # order: accuracy of seed 0 and 1
    "spatial_first": (70.0, 74.0),
    "temporal_first": (88.0, 89.0),
    "spatiotemporal_v1": (80.0, 83.0),
    "spatiotemporal_v2": (79.0, 76.0),
    "alternating": (60.0, 61.0),
}


def study_row(order: str, seed: int) -> StudyRow:
    accuracy = ACCURACIES[order][seed]
    return StudyRow(
        name=f"mini.{order}.{seed}",
        settings={"scan_order": order, "seed": seed},
        accuracy=accuracy,
        accuracy_note="made up",
        accuracy_by_class={"static": accuracy, "zoom in": accuracy - seed},
        parameters=238_000,
        clips=25_600,
        wall_s=400 + 10 * seed,
        device="2 CPU cores",
        curve=(
            {"step": 200, "held_out_accuracy": 0.5},
            {"step": 400, "held_out_accuracy": accuracy / 100},
        ),
        recipe={},
        command=f"python -m analysis train mini.{order} --set seed={seed}",
    )


@pytest.fixture
def summary():
    """`summary(orders, seeds)` of the scan-order study."""

    def make(orders=tuple(ACCURACIES), seeds=(0, 1)):
        runs = [
            StudyRun(f"mini.{order}.{seed}", {"scan_order": order, "seed": seed}, "mini")
            for seed in (0, 1)
            for order in ACCURACIES
        ]
        study = Study("scan_orders", "Which?", tuple(runs))
        rows = [study_row(order, seed) for seed in seeds for order in orders]
        return summarise(StudyTable(study, tuple(rows)))

    return make
