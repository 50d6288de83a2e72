"""Step costs of a study's rows, measured anew in turn, so that they can be compared."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from analysis.training.errors import TrainingError
from analysis.training.source import Places
from analysis.training.step_costs import step_costs
from analysis.training.studies import (
    Materials,
    Study,
    StudyRun,
    StudyTable,
    read_table,
    write_table,
)
from analysis.weights.shipped import SHIPPED_FOLDER


def measure_costs_again(
    study: Study,
    places: Places,
    *,
    say: Callable[[str], None],
    checkpoints: Path = SHIPPED_FOLDER,
) -> StudyTable:
    """The table with step time and memory of every row as they are now, kept in its file.

    Rows that differ in their seed alone are measured once. Raises TrainingError for a study
    whose rows have no such measures, and for one without rows.
    """
    folder = checkpoints / "studies"
    table = read_table(study, folder)
    if not study.adapts:
        raise TrainingError(f"Rows of {study.name} keep no step costs; leave --costs out.")
    if not table.rows:
        raise TrainingError(f"{study.name} has no rows yet; run {study.command} first.")
    kinds = {run.name: _kind(run) for run in study.runs}
    done = {kinds[row.name] for row in table.rows}
    recipes = {kinds[run.name]: run.recipe for run in study.runs if kinds[run.name] in done}
    materials = Materials(places, say)
    costs = step_costs({kind: (r, materials.of(r.data)) for kind, r in recipes.items()})
    rows = tuple(
        replace(row, measures=replace(row.measures, **vars(costs[kinds[row.name]])))
        for row in table.rows
    )
    table = replace(table, rows=rows)
    write_table(table, folder)
    return table


def _kind(run: StudyRun) -> str:
    """What a run is but for its seed."""
    changes = [change for change in run.changes if not change.startswith("seed=")]
    return " ".join((run.base, *changes))
