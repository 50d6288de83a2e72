"""`profile flops`: multiply-adds and parameters by part, without running anything."""

import argparse
import sys

from analysis.commands.output import print_json, print_table


def register_flops(kinds: argparse._SubParsersAction) -> None:
    """Adds the command."""
    parser = kinds.add_parser("flops", help="multiply-adds and parameters by part, at any size")
    parser.add_argument(
        "--model", help="architecture or weights (default: every published checkpoint)"
    )
    parser.add_argument("--frames", type=int, help="frames (default: the model's)")
    parser.add_argument("--image-size", type=int, help="pixels a side (default: the model's)")
    parser.add_argument("--scan-order", help="scan order (default: the model's)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run_flops)


def run_flops(options: argparse.Namespace) -> int:
    """Prints a row per model; 2 when the request makes no sense."""
    from analysis.profiling.errors import ProfilingError
    from analysis.profiling.flop_rows import model_row, published_rows
    from analysis.weights import WeightsError

    sizes = (options.frames, options.image_size, options.scan_order)
    if options.model is None and any(size is not None for size in sizes):
        print("Sizes and orders are those of one model: name it with --model.", file=sys.stderr)
        return 2
    try:
        rows = [model_row(options.model, *sizes)] if options.model else list(published_rows())
    except (ProfilingError, WeightsError) as error:
        print(error, file=sys.stderr)
        return 2
    if options.json:
        print_json(rows)
        return 0
    _print_rows(rows)
    return 0


def _print_rows(rows: list[dict]) -> None:
    from analysis.profiling.flops import PARTS

    parts = [part for part in PARTS if any(part in row["parts"] for row in rows)]
    columns = ("frames", "image_size")
    print_table(
        ("name", *columns, *parts, "all parts", "as the paper", "printed", "parameters (M)"),
        [
            (
                row["name"],
                *(row[column] for column in columns),
                *(row["parts"].get(part, 0) / 1e9 for part in parts),
                row["total_multiply_adds"] / 1e9,
                row["paper_convention_multiply_adds"] / 1e9,
                row["paper_printed_gflops"],
                row["total_parameters"] / 1e6,
            )
            for row in rows
        ],
    )
    print("Thousand millions of multiply-adds for one clip; twice that are GFLOPs.")
    print("The paper counts patch_embed, in_proj, out_proj and head of a VideoMamba only.")
    for row in rows:
        if row["note"]:
            print(f"{row['name']}: {row['note']}")
