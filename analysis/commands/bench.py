"""`bench scan`, `model`, `adapters`, `precision`, `index`: speed beside peers, in one process."""

import argparse

from analysis.commands.output import print_json, print_table
from analysis.commands.train import add_places, places_of, say

SCORED_CLIPS = 2250


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
    precision = kinds.add_parser("precision", help="products in float32, bfloat16 and int8")
    precision.add_argument("--model", default="videomamba_tiny", help="architecture")
    precision.add_argument("--frames", type=int, default=16, help="frames (16)")
    precision.add_argument("--image-size", type=int, default=224, help="pixels a side (224)")
    precision.add_argument(
        "--accuracy",
        metavar="WEIGHTS",
        help="also score these shipped weights in every precision on clips never trained on",
    )
    add_places(precision)
    precision.set_defaults(run=run_precision)
    index = kinds.add_parser("index", help="searches among made-up windows of clips")
    index.add_argument("--windows", type=int, default=100_000, help="windows (100000)")
    index.add_argument("--width", type=int, default=512, help="numbers of an embedding (512)")
    index.add_argument("--queries", type=int, default=50, help="different queries (50)")
    index.set_defaults(run=run_index)
    adapters = kinds.add_parser("adapters", help="MoMa's stages beside attention, over frames")
    adapters.add_argument("--model", default="moma_b16", help="a MoMa (moma_b16)")
    adapters.add_argument(
        "--frames", type=int, nargs="+", default=(2, 4, 8, 16), help="frames (2 4 8 16)"
    )
    adapters.add_argument("--image-size", type=int, default=224, help="pixels a side (224)")
    adapters.set_defaults(run=run_adapters)
    for kind in (scan, model, adapters):
        kind.add_argument("--device", default="cpu", help="cpu or cuda (cpu)")
    for kind in (scan, model, adapters, precision, index):
        kind.add_argument("--rounds", type=int, default=7, help="rounds of all calls in turn (7)")
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


def run_adapters(options: argparse.Namespace) -> int:
    """Prints a row per stage and number of frames; 1 with one sentence where none can be timed."""
    from analysis.profiling.bench_modulation import STAGES, bench_modulation
    from analysis.profiling.errors import ProfilingError

    try:
        timings = bench_modulation(
            options.model,
            frames=options.frames,
            image_size=options.image_size,
            rounds=options.rounds,
            device=options.device,
        )
    except ProfilingError as error:
        say(str(error))
        return 1
    if options.json:
        print_json([timing.row() for timing in timings])
        return 0
    print_table(
        ("one layer's", "frames", "L", "median (ms)", "ms a frame", "grows as frames to the"),
        [
            (
                STAGES[timing.stage],
                timing.num_frames,
                timing.tokens,
                timing.median_ms,
                timing.median_ms / timing.num_frames,
                timing.slope,
            )
            for timing in timings
        ],
    )
    return 0


def run_precision(options: argparse.Namespace) -> int:
    """Prints a row per precision; 1 with one sentence where weights cannot be scored."""
    from analysis.profiling.bench_precision import bench_precision
    from analysis.training.errors import TrainingError
    from analysis.weights import WeightsError

    timings = bench_precision(
        options.model,
        num_frames=options.frames,
        image_size=options.image_size,
        rounds=options.rounds,
    )
    try:
        accuracy = _accuracies(options) if options.accuracy else {}
    except (TrainingError, WeightsError) as error:
        say(str(error))
        return 1
    rows = [
        timing.row() | {"accuracy_percent": accuracy.get(timing.precision)} for timing in timings
    ]
    if options.json:
        print_json(rows)
        return 0
    columns = ("precision", "median_ms", "times_faster", "logit_error", "accuracy_percent")
    print_table(columns, [[row[column] for column in columns] for row in rows])
    return 0


def run_index(options: argparse.Namespace) -> int:
    """Prints a row per way of searching; 1 with one sentence where there is nothing to time."""
    from analysis.retrieval.errors import RetrievalError
    from analysis.retrieval.index.bench_index import bench_index

    try:
        timings = bench_index(
            options.windows, width=options.width, queries=options.queries, rounds=options.rounds
        )
    except RetrievalError as error:
        say(str(error))
        return 1
    rows = [timing.row() for timing in timings]
    if options.json:
        print_json(rows)
        return 0
    columns = ("way", "windows", "width", "median_ms", "recall_at_10", "build_s", "cores", "runs")
    print_table(columns, [[row[column] for column in columns] for row in rows])
    return 0


def _accuracies(options: argparse.Namespace) -> dict[str, float]:
    """Percent right of the weights in every precision, on the clips their recipe holds out."""
    from analysis.profiling.bench_precision import PRECISIONS, in_precision
    from analysis.training.recipes import make_recipe
    from analysis.training.scores import score_batches
    from analysis.training.trainer import run_shape
    from analysis.weights import load_model

    recipe = make_recipe(options.accuracy)
    material = recipe.data.load(places_of(options), say)
    shape, model = run_shape(recipe, material), load_model(options.accuracy).model
    found = {}
    for precision in PRECISIONS:
        clips = material.held_out(shape, SCORED_CLIPS)
        scores = score_batches(in_precision(model, precision), material.labels, clips)
        found[precision] = round(100 * scores.accuracy, 2)
    return found
