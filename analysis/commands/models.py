"""`models`: every set of weights that can be named."""

import argparse

from analysis.commands.output import print_json, print_table


def register(commands: argparse._SubParsersAction) -> None:
    """Adds the command."""
    parser = commands.add_parser("models", help="every set of weights that can be named")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Prints a row per set of weights."""
    from analysis.weights.rows import weights_rows

    rows = weights_rows()
    if options.json:
        print_json(rows)
        return 0
    columns = ("name", "training", "scan_order", "parameters", "num_frames", "image_size", "data")
    print_table(columns, [[row[column] for column in columns] for row in rows])
    return 0
