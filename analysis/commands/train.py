"""`train RECIPE`: makes a shipped checkpoint again, or a variant of it."""

import argparse
import json
import os
import shlex
import sys
from pathlib import Path


def register(commands: argparse._SubParsersAction) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "train",
        help="make a shipped checkpoint again, or a variant of it",
        description="Renders camera moves over photographs, trains on them, evaluates, and writes "
        "the checkpoint with its manifest entry. A stopped run goes on where it was.",
    )
    parser.add_argument(
        "recipe",
        help="name of the weights to make: videomamba_mini.camera, or one of the "
        "scan-order study, videomamba_mini.order_ and a scan order",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        dest="changes",
        help="change a field of the recipe, such as seed=1 or clips=6400; may be repeated",
    )
    parser.add_argument("--out", type=Path, help="folder of the run (runs/ and the recipe's name)")
    parser.add_argument(
        "--photographs",
        type=Path,
        metavar="FOLDER",
        help="photographs of your own instead of those fetched from packages "
        "(analysis/training/camera/PHOTOGRAPHS.md lists them)",
    )
    parser.add_argument("--restart", action="store_true", help="do not resume a stopped run")
    parser.add_argument(
        "--footage", type=Path, nargs="*", default=[], help="videos to evaluate moves over"
    )
    parser.add_argument(
        "--checkpoints",
        type=Path,
        help="where the weights go (checkpoints/; with --set the folder of the run)",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Trains, evaluates and writes the checkpoint; 1 with one sentence on the error stream else."""
    from tqdm import tqdm

    from analysis.training.camera.camera_run import (
        evaluate_camera,
        ship_camera,
        train_camera,
        write_evaluation,
    )
    from analysis.training.camera.photograph_fetching import fetch_photographs
    from analysis.training.camera.photographs import (
        PhotographsError,
        load_photographs,
        split_photographs,
    )
    from analysis.training.recipe import RecipeError
    from analysis.training.recipes import make_recipe
    from analysis.training.trainer import TrainingError
    from analysis.weights.shipped import SHIPPED_FOLDER

    folder_of_run = options.out or Path("runs") / options.recipe
    try:
        recipe = make_recipe(options.recipe, options.changes)
        folder = options.photographs or fetch_photographs(photograph_cache(), _say)
        photographs = load_photographs(folder)
        _say(f"{len(photographs)} photographs")
        # The bar shows the time left on a terminal, and nothing where the output is kept.
        with tqdm(total=recipe.steps, unit="step", desc=options.recipe, disable=None) as bar:

            def report(row: dict) -> None:
                bar.update(row["step"] - bar.n)
                print(json.dumps(row), flush=True)

            state = train_camera(
                recipe, photographs, folder_of_run, resume=not options.restart, progress=report
            )
    except (RecipeError, PhotographsError, TrainingError) as error:
        _say(str(error))
        return 1
    _, held_out = split_photographs(photographs, recipe.held_out_share)
    evaluation = evaluate_camera(state.mean_model, held_out, footage=options.footage)
    write_evaluation(evaluation, folder_of_run)
    # A changed recipe must not replace what the unchanged one made.
    checkpoints = options.checkpoints or (folder_of_run if options.changes else SHIPPED_FOLDER)
    _, tag = options.recipe.split(".", 1)
    ship_camera(tag, state, recipe, photographs, evaluation, typed_command(options), checkpoints)
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

    words = ["python", "-m", "analysis", "train", options.recipe]
    for change in options.changes:
        words += ["--set", change]
    if options.photographs:
        words += ["--photographs", shown(options.photographs)]
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
