"""`study NAME`: trains what a table of the Results tab still lacks."""

import argparse
import sys
from dataclasses import asdict
from pathlib import Path

from analysis.commands.output import print_json, print_table
from analysis.commands.train import add_places, places_of, say


def register(commands: argparse._SubParsersAction) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "study",
        help="train the runs of a study and print its table",
        description="Trains every run of a study that has no row yet, one after another, and "
        "prints the table. A stopped study goes on where it was.",
    )
    parser.add_argument(
        "study",
        help="scan_orders, scan_orders_actions, self_distillation, frames_and_resolution, "
        "masked_alignment, moma_adaptation, moma_adaptation_actions, mamba_adaptor or shipped",
    )
    parser.add_argument("--out", type=Path, default=Path("runs"), help="folder of the runs (runs/)")
    parser.add_argument(
        "--show", action="store_true", help="print the rows there are and train nothing"
    )
    parser.add_argument(
        "--costs",
        action="store_true",
        help="of adaptations: measure step time and memory of the rows there are anew, all in "
        "turn, and train nothing",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_places(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Prints the table; 1 with one sentence on the error stream when it cannot be made."""
    from analysis.training.errors import TrainingError
    from analysis.training.studies import find_study, read_table, run_study
    from analysis.training.study_costs import measure_costs_again
    from analysis.training.study_list import STUDIES
    from analysis.weights import WeightsError

    try:
        study = find_study(options.study, STUDIES)
        if options.show:
            table = read_table(study)
        elif options.costs:
            table = measure_costs_again(study, places_of(options), say=say)
        else:
            table = run_study(study, places_of(options), options.out, say=say, progress=_report)
    except (TrainingError, WeightsError) as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("Stopped; the same command goes on from the last saved state.")
        return 130
    _print(table, options.json)
    if not options.json:
        _say_chance(study)
    return 0


def _say_chance(study) -> None:
    """How far chance moves a result, so that nobody reads noise as a finding."""
    from analysis.training.study_list import study_summary

    summary = study_summary(study)
    spread = summary.borrowed_spread if study.seeds_of else summary.seed_spread
    if spread is not None:
        source = study.seeds_of or study.name
        say(f"Seeds of one setting differ by up to {spread:.1f} points ({source}).")


def _report(run, row: dict) -> None:
    shown = ", ".join(f"{key} {value}" for key, value in row.items())
    print(f"{run.name}: {shown}", file=sys.stderr, flush=True)


def _print(table, as_json: bool) -> None:
    rows = [
        {
            **row.settings,
            "accuracy": row.accuracy,
            **(asdict(row.measures) if row.measures else {}),
            "wall_s": row.wall_s,
            "command": row.command,
        }
        for row in table.rows
    ]
    if as_json:
        print_json(rows)
    elif rows:
        print_table(tuple(rows[0]), [list(row.values()) for row in rows])
    if table.missing:
        say(f"{len(table.missing)} of {len(table.study.runs)} runs are still to be trained:")
        for run in table.study.runs:
            if run.name in table.missing:
                say(f"  {run.command}")
