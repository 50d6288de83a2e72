"""`train WEIGHTS`: makes a shipped checkpoint again."""

import argparse
import json
import os
import shlex
import sys
from dataclasses import replace
from pathlib import Path

WEIGHTS_NAME = "videomamba_mini.camera"


def register(commands: argparse._SubParsersAction) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "train",
        help="make the shipped camera-move model again",
        description="Renders camera moves over photographs, trains on them, evaluates, and writes "
        "the checkpoint with its manifest entry. A stopped run goes on where it was.",
    )
    parser.add_argument("weights", choices=[WEIGHTS_NAME], help="which weights to make")
    parser.add_argument("--out", type=Path, default=Path("runs/camera"), help="folder of the run")
    parser.add_argument(
        "--photographs",
        type=Path,
        metavar="FOLDER",
        help="photographs of your own instead of those fetched from packages "
        "(analysis/training/PHOTOGRAPHS.md lists them)",
    )
    parser.add_argument("--clips", type=int, help="clips to train on (as in the recipe)")
    parser.add_argument("--seed", type=int, help="seed of weights and clips (as in the recipe)")
    parser.add_argument("--restart", action="store_true", help="do not resume a stopped run")
    parser.add_argument(
        "--footage", type=Path, nargs="*", default=[], help="videos to evaluate moves over"
    )
    parser.add_argument("--checkpoints", type=Path, help="where the weights go (checkpoints/)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Trains, evaluates and writes the checkpoint; 1 with one sentence on the error stream else."""
    from analysis.training.camera_run import (
        evaluate_camera,
        ship_camera,
        train_camera,
        write_evaluation,
    )
    from analysis.training.photograph_fetching import fetch_photographs
    from analysis.training.photographs import (
        PhotographsError,
        load_photographs,
        split_photographs,
    )
    from analysis.training.recipe import camera_recipe
    from analysis.training.trainer import TrainingError
    from analysis.weights.shipped import SHIPPED_FOLDER

    given = {name: getattr(options, name) for name in ("clips", "seed")}
    recipe = replace(
        camera_recipe(), **{name: value for name, value in given.items() if value is not None}
    )
    try:
        folder = options.photographs or fetch_photographs(photograph_cache(), _say)
        photographs = load_photographs(folder)
        _say(f"{len(photographs)} photographs")
        state = train_camera(
            recipe,
            photographs,
            options.out,
            resume=not options.restart,
            progress=lambda row: print(json.dumps(row), flush=True),
        )
    except (PhotographsError, TrainingError) as error:
        _say(str(error))
        return 1
    _, held_out = split_photographs(photographs, recipe.held_out_share)
    evaluation = evaluate_camera(state.mean_model, held_out, footage=options.footage)
    write_evaluation(evaluation, options.out)
    checkpoints = options.checkpoints or SHIPPED_FOLDER
    ship_camera(state, recipe, photographs, evaluation, typed_command(options), checkpoints)
    print(json.dumps({part: _accuracies(scores) for part, scores in evaluation.items()}))
    return 0


def photograph_cache() -> Path:
    """Where fetched photographs are kept between runs."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "scanscope" / "photographs"


def typed_command(options: argparse.Namespace) -> str:
    """The command with the options that decide the result; no place outside the project."""

    def shown(path: Path) -> str:
        return path.name if path.is_absolute() else path.as_posix()

    words = ["python", "-m", "analysis", "train", options.weights]
    if options.photographs:
        words += ["--photographs", shown(options.photographs)]
    for name in ("clips", "seed"):
        if getattr(options, name) is not None:
            words += [f"--{name}", str(getattr(options, name))]
    if options.footage:
        words += ["--footage", *map(shown, options.footage)]
    return shlex.join(words)


def _accuracies(scores: dict) -> float | dict:
    """Accuracy in percent, or one per part where there are several."""
    if "accuracy" in scores:
        return scores["accuracy"]
    return {name: part["accuracy"] for name, part in scores.items()}


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)
