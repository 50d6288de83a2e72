"""`gpu-check`: correctness and speed on a CUDA GPU, and the paper's Fig. 1, measured again."""

import argparse
import json
import sys
from pathlib import Path

from analysis.commands.output import print_json, print_table
from analysis.profiling.sweep.spec import REFERENCE_FOLDER

SWEEP = "paper_figure_1"


def register(commands: argparse._SubParsersAction) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "gpu-check",
        help="correctness and speed on a CUDA GPU, and the paper's Fig. 1",
        description="Compares the Triton and mamba-ssm scans with the plain one, times them in one "
        "run, and measures Fig. 1 of the paper. A stopped sweep goes on where it was; the page "
        "shows it as soon as its file is there.",
    )
    parser.add_argument(
        "--out", type=Path, default=REFERENCE_FOLDER, help="folder of the results (of the page)"
    )
    parser.add_argument("--without-sweep", action="store_true", help="leave Fig. 1 out")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Prints checks, times and targets; 1 where there is no GPU or something is wrong."""
    from analysis.profiling.errors import ProfilingError
    from analysis.profiling.gpu_check import (
        LARGEST_LOGIT_ERROR,
        check_scans,
        logit_error,
        paper_targets,
        require_gpu,
        scan_targets,
        time_scans,
    )
    from analysis.profiling.machine import machine
    from analysis.weights.shipped import replace_file

    try:
        require_gpu()
        checks, error = check_scans("cuda"), logit_error("cuda")
        timings = time_scans("cuda")
        targets = scan_targets(timings)
        if not options.without_sweep:
            targets += paper_targets(_figure_1(options.out))
    except ProfilingError as stop:
        print(stop, file=sys.stderr)
        return 1
    report = {
        "machine": machine("cuda"),
        "checks": [check.row() for check in checks],
        "logit_error": error,
        "scans": [timing.row() for timing in timings],
        "targets": [target.row() for target in targets],
    }
    options.out.mkdir(parents=True, exist_ok=True)
    replace_file(options.out / "gpu_check.json", json.dumps(report, indent=1).encode())
    if options.json:
        print_json(report)
    else:
        _print(report)
    right = all(check.holds for check in checks) and error <= LARGEST_LOGIT_ERROR
    return 0 if right else 1


def _figure_1(folder: Path):
    from analysis.commands.profile import followed
    from analysis.profiling.sweep.on_ray import chosen_execution
    from analysis.profiling.sweep.run import run_sweep
    from analysis.profiling.sweep.spec import read_spec
    from analysis.profiling.sweep.summary import summarise

    file = folder / f"{SWEEP}.json"
    sweeps = run_sweep(read_spec(SWEEP), file, execute=chosen_execution())
    return summarise(followed(sweeps))


def _print(report: dict) -> None:
    print_table(
        ("scan", "L", "reverse", "output error", "state error", "gradient error", "holds"),
        [tuple(check.values()) for check in report["checks"]],
    )
    print(f"\nlogits on the GPU differ from the processor's by {report['logit_error']:.2g}\n")
    print_table(
        ("scan", "pass", "median (ms)"),
        [(row["implementation"], row["pass"], row["median_ms"]) for row in report["scans"]],
    )
    print()
    print_table(
        ("target", "aim", "measured", "reached"),
        [tuple(target.values()) for target in report["targets"]],
    )
