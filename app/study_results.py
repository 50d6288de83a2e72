"""The studies' tables as the page and programs get them; read anew at each call, nothing is run."""

from dataclasses import asdict
from typing import Any

from analysis.training.paper_tables import paper_value
from app.api import RequestError

Row = dict[str, Any]

STUDY_TITLES = {
    "scan_orders": "Scan orders",
    "scan_orders_actions": "Scan orders, actions",
    "self_distillation": "Self-distillation",
    "frames_and_resolution": "Frames and pixels",
    "masked_alignment": "Masked alignment",
    "moma_adaptation": "MoMa, camera",
    "moma_adaptation_actions": "MoMa, actions",
    "mamba_adaptor": "Mamba-Adaptor",
    "shipped": "Shipped model",
}


def study_summary(name: str):
    """A `StudySummary`; raises TrainingError or RequestError, one sentence."""
    # Imported when the tab is opened: every recipe comes with it.
    from analysis.training import study_list

    studies = {study.name: study for study in study_list.STUDIES}
    if name not in studies:
        raise RequestError(f"There is no study {name!r}; ask for one of {', '.join(studies)}.")
    return study_list.study_summary(studies[name])


def study_rows(summary) -> list[Row]:
    """A row per training, best setting first, for files and programs."""
    study = summary.table.study.name
    return [
        {
            "study": study,
            "weights": row.name,
            **row.settings,
            "accuracy_percent": row.accuracy,
            "accuracy_note": row.accuracy_note,
            "mean_over_seeds_percent": round(setting.mean, 2),
            "spread_over_seeds_points": setting.spread,
            "paper_percent": paper_value(study, setting.settings),
            "parameters": row.parameters,
            "clips": row.clips,
            **(asdict(row.measures) if row.measures else {}),
            "wall_s": row.wall_s,
            "device": row.device,
            "accuracy_by_class": row.accuracy_by_class,
            "curve": list(row.curve),
            "command": row.command,
        }
        for setting in summary.settings
        for row in setting.rows
    ]
