"""`compare-scans CLIP`: one clip read in several scan orders."""

import argparse
import sys

from analysis.commands.output import print_json, print_table
from analysis.commands.predict import add_model_options, load_chosen_model


def register(commands: argparse._SubParsersAction) -> None:
    """Adds the command."""
    parser = commands.add_parser("compare-scans", help="one clip read in several scan orders")
    parser.add_argument("clip", metavar="CLIP", help="video file")
    parser.add_argument(
        "--orders", default="all", help="scan orders separated by commas, or all (all)"
    )
    add_model_options(parser)
    parser.add_argument("--top", type=int, default=5, help="classes per order (5)")
    parser.add_argument("--repeats", type=int, default=5, help="timed runs per order (5)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Prints a row per scan order; exit code 1 with one sentence when it can't be done."""
    from analysis.ops.scan_order import SCAN_ORDERS
    from analysis.prediction import read_clip
    from analysis.scan_comparison.compare import compare_scans
    from analysis.scan_comparison.rows import comparison_rows
    from analysis.scan_comparison.trained_answer import trained_answers
    from analysis.video.limits import VideoError
    from analysis.weights import WeightsError

    orders = SCAN_ORDERS if options.orders == "all" else tuple(options.orders.split(","))
    try:
        loaded = load_chosen_model(options)
        sampled = read_clip(options.clip, loaded)
        results = tuple(compare_scans(loaded, sampled, orders, repeats=options.repeats))
        trained = tuple(trained_answers(loaded, sampled, orders))
    except (VideoError, WeightsError, ValueError) as error:
        if options.json:
            print_json([{"clip": options.clip, "error": str(error)}])
        else:
            print(f"{options.clip}: {error}", file=sys.stderr)
        return 1
    if options.json:
        print_json(comparison_rows(results, top=options.top, trained=trained))
        return 0
    said = {answer.scan_order: answer.predictions[0].label for answer in trained}
    print_table(
        (
            "scan order",
            "relation",
            "top-1",
            "probability",
            "divergence (bits)",
            "latency (ms)",
            "trained so",
        ),
        [
            (
                result.scan_order,
                result.relation,
                result.predictions[0].label,
                result.predictions[0].probability,
                result.divergence_bits,
                result.latency_ms,
                said.get(result.scan_order, ""),
            )
            for result in results
        ],
    )
    print(next((r.caution for r in results if r.relation != "trained order"), ""))
    return 0
