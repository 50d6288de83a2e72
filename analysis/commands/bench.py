"""`bench scan` and `bench model`: speed beside peers, measured in one process."""

import argparse

from analysis.commands.output import print_json, print_table


def register(commands: argparse._SubParsersAction) -> None:
    """Adds the command."""
    parser = commands.add_parser("bench", help="speed beside peers, measured in one process")
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    scan = kinds.add_parser("scan", help="the selective scan beside mambapy and plain PyTorch")
    scan.add_argument("--length", type=int, default=3137, help="tokens L (3137)")
    scan.add_argument("--inner", type=int, default=384, help="inner channels E (384)")
    scan.add_argument("--state", type=int, default=16, help="states N (16)")
    scan.add_argument(
        "--passes",
        nargs="+",
        choices=("forward", "forward_backward"),
        default=("forward", "forward_backward"),
        help="what to time (both)",
    )
    scan.set_defaults(run=run_scan)
    model = kinds.add_parser("model", help="a forward pass beside its matrix products")
    model.add_argument("--model", default="videomamba_tiny", help="architecture (videomamba_tiny)")
    model.add_argument("--frames", type=int, default=16, help="frames (16)")
    model.add_argument("--image-size", type=int, default=224, help="pixels a side (224)")
    model.set_defaults(run=run_model)
    for kind in (scan, model):
        kind.add_argument("--rounds", type=int, default=7, help="rounds of all calls in turn (7)")
        kind.add_argument("--device", default="cpu", help="cpu or cuda (cpu)")
        kind.add_argument("--json", action="store_true", help="print JSON")


def run_scan(options: argparse.Namespace) -> int:
    """Prints a row per implementation and pass."""
    from analysis.profiling.bench_scan import bench_scan

    timings = bench_scan(
        length=options.length,
        inner=options.inner,
        state=options.state,
        rounds=options.rounds,
        device=options.device,
        passes=tuple(options.passes),
    )
    if options.json:
        print_json([timing.row() for timing in timings])
        return 0
    ours = {
        timing.pass_: timing for timing in timings if timing.implementation in ("cpu", "triton")
    }
    print_table(
        ("implementation", "pass", "median (ms)", "times ours", "largest error", "runs"),
        [
            (
                timing.implementation,
                timing.pass_,
                timing.median_ms,
                timing.median_ms / ours[timing.pass_].median_ms,
                timing.largest_error,
                timing.runs,
            )
            for timing in timings
        ],
    )
    return 0


def run_model(options: argparse.Namespace) -> int:
    """Prints one row."""
    from analysis.profiling.bench_model import bench_model

    timing = bench_model(
        options.model,
        num_frames=options.frames,
        image_size=options.image_size,
        rounds=options.rounds,
        device=options.device,
    )
    if options.json:
        print_json([timing.row()])
        return 0
    print_table(
        ("model", "L", "kernel", "forward (ms)", "products (ms)", "ratio", "peak memory (MB)"),
        [
            (
                timing.model,
                timing.length,
                timing.kernel,
                timing.forward_median_ms,
                timing.matrix_products_median_ms,
                timing.ratio,
                None if timing.memory_bytes is None else timing.memory_bytes / 1e6,
            )
        ],
    )
    return 0
