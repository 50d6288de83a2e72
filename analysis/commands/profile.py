"""`profile`: what models cost, as curves, as a plan, as arithmetic and inside one run."""

import argparse
import sys
from pathlib import Path

from analysis.commands.output import print_json, print_table
from analysis.commands.profile_flops import register_flops
from analysis.commands.profile_run import register_run


def register(commands: argparse._SubParsersAction) -> None:
    """Adds the command."""
    parser = commands.add_parser("profile", help="what models cost in time, memory and arithmetic")
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    _register_sweep(kinds)
    _register_plan(kinds)
    register_run(kinds)
    register_flops(kinds)


def _register_sweep(kinds: argparse._SubParsersAction) -> None:
    sweep = kinds.add_parser(
        "sweep",
        help="latency and peak memory over models and sizes",
        description="Measures every point of a sweep in a process of its own and writes them into "
        "one file. A stopped sweep goes on where it was. With the environment variable RAY_ADDRESS "
        "the points run on that Ray cluster.",
    )
    sweep.add_argument("--spec", required=True, help="a JSON file, or cpu_112 or paper_figure_1")
    sweep.add_argument("--out", type=Path, help="file of the results (runs/cost/NAME.json)")
    sweep.add_argument("--device", help="cpu or cuda instead of the one in the file")
    sweep.add_argument(
        "--show", action="store_true", help="print what the file has and measure nothing"
    )
    sweep.add_argument("--json", action="store_true", help="print JSON")
    sweep.set_defaults(run=run_sweep_command)


def _register_plan(kinds: argparse._SubParsersAction) -> None:
    plan = kinds.add_parser("plan", help="how many frames fit into a memory, from a sweep")
    plan.add_argument("--sweep", type=Path, required=True, help="file that profile sweep wrote")
    plan.add_argument("--memory-gb", type=float, required=True, help="memory in GB of 10^9 bytes")
    plan.add_argument("--image-size", type=int, default=224, help="pixels a side (224)")
    plan.add_argument("--frames", type=int, help="what so many frames cost (the most that fit)")
    plan.add_argument("--batch", type=int, default=1, help="clips at once (1)")
    plan.add_argument("--json", action="store_true", help="print JSON")
    plan.set_defaults(run=run_plan_command)


def run_sweep_command(options: argparse.Namespace) -> int:
    """Prints points, slopes and ratios; 1 with one sentence when it cannot be measured."""
    from dataclasses import replace

    from analysis.profiling.errors import ProfilingError
    from analysis.profiling.sweep.on_ray import chosen_execution
    from analysis.profiling.sweep.run import read_sweep, run_sweep
    from analysis.profiling.sweep.spec import read_spec

    try:
        spec = read_spec(options.spec)
        if options.device:
            spec = replace(spec, device=options.device)
        file = options.out or Path("runs/cost") / f"{Path(options.spec).stem}.json"
        if options.show:
            sweep = read_sweep(file)
        else:
            sweep = followed(run_sweep(spec, file, execute=chosen_execution()))
    except ProfilingError as error:
        print(error, file=sys.stderr)
        return 1
    _print_sweep(sweep, options.json)
    return 0


def run_plan_command(options: argparse.Namespace) -> int:
    """Prints a row per curve of the sweep; 1 with one sentence when there is none."""
    from analysis.profiling.errors import ProfilingError
    from analysis.profiling.sweep.planner import plans
    from analysis.profiling.sweep.run import read_sweep

    try:
        found = plans(
            read_sweep(options.sweep),
            options.memory_gb * 1e9,
            options.image_size,
            batch=options.batch,
            frames=options.frames,
        )
    except ProfilingError as error:
        print(error, file=sys.stderr)
        return 1
    if options.json:
        print_json([plan.row() for plan in found])
        return 0
    print_table(
        ("model", "most frames", "frames", "fits", "GB", "s", "worst error (%)", "times beyond"),
        [
            (
                plan.curve.label,
                plan.most_frames,
                plan.frames,
                "yes" if plan.fits else "no",
                plan.memory_bytes / 1e9,
                None if plan.latency_ms is None else plan.latency_ms / 1e3,
                None if plan.memory_error is None else 100 * plan.memory_error,
                plan.times_beyond,
            )
            for plan in found
        ],
    )
    return 0


def followed(sweeps):
    """The last of `run_sweep`'s sweeps, after a line on the error stream for every new point."""
    known = None
    for sweep in sweeps:
        if known is not None and len(sweep.measurements) > known:
            _say_progress(sweep.measurements[-1])
        known = len(sweep.measurements)
    return sweep


def _say_progress(result) -> None:
    point = result.point
    said = result.note if result.latency_ms is None else f"{result.latency_ms:.4g} ms"
    print(
        f"{point.curve.label}, {point.num_frames} x {point.image_size}^2, batch {point.batch}: "
        f"{result.status}, {said}",
        file=sys.stderr,
        flush=True,
    )


def _print_sweep(sweep, as_json: bool) -> None:
    from analysis.profiling.sweep.summary import summarise

    summary = summarise(sweep)
    if as_json:
        points = [result.row() for result in sweep.results]
        print_json(sweep.row() | {"results": points} | summary.row())
        return
    print_table(
        ("model", "frames", "pixels", "batch", "L", "status", "median (ms)", "p10", "p90", "MB"),
        [
            (
                result.point.curve.label,
                result.point.num_frames,
                result.point.image_size,
                result.point.batch,
                result.tokens,
                result.status,
                result.latency_ms,
                result.quantile_ms(0.1),
                result.quantile_ms(0.9),
                None if result.memory_bytes is None else result.memory_bytes / 1e6,
            )
            for result in sweep.results
        ],
    )
    print()
    print_table(
        ("model", "measure", "slope", "low", "high", "last doubling", "points"),
        [
            (
                slope.curve.label,
                slope.measure,
                slope.value,
                slope.low,
                slope.high,
                slope.last_doubling,
                slope.points,
            )
            for slope in summary.slopes
        ],
    )
    print()
    print_table(
        ("peer", "of", "frames", "pixels", "batch", "times the time", "times the memory"),
        [
            (
                ratio.peer.label,
                ratio.scan.label,
                ratio.num_frames,
                ratio.image_size,
                ratio.batch,
                ratio.times_latency,
                ratio.times_memory,
            )
            for ratio in summary.ratios
        ],
    )
