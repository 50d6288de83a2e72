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
        help="train a model by a recipe",
        description="Trains by a recipe, evaluates, and writes the checkpoint with its manifest "
        "entry. A stopped run goes on where it was. Under torchrun every process takes its share.",
    )
    parser.add_argument("recipe", help="name of the weights to make (`recipes` lists them)")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        dest="changes",
        help="change a field of the recipe, such as seed=1 or optimizer.learning_rate=1e-3; may "
        "be repeated",
    )
    parser.add_argument("--out", type=Path, help="folder of the run (runs/ and the recipe's name)")
    parser.add_argument(
        "--checkpoints",
        type=Path,
        help="where the weights go (checkpoints/; with --set the folder of the run)",
    )
    add_places(parser)
    parser.add_argument("--restart", action="store_true", help="do not resume a stopped run")
    parser.add_argument("--device", help="cpu or cuda (a GPU where there is one)")
    parser.set_defaults(run=run)


def add_places(parser: argparse.ArgumentParser) -> None:
    """Options that say where data lies."""
    parser.add_argument(
        "--photographs",
        type=Path,
        metavar="FOLDER",
        help="photographs of your own instead of those fetched from packages "
        "(analysis/training/camera/PHOTOGRAPHS.md lists them)",
    )
    parser.add_argument(
        "--footage", type=Path, nargs="*", default=[], help="videos to evaluate camera moves over"
    )
    parser.add_argument(
        "--root", type=Path, metavar="FOLDER", help="what paths in list files are relative to"
    )


def places_of(options: argparse.Namespace):
    """Where data lies, by the options and this machine's cache folder."""
    from analysis.training.source import Places

    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Places(
        cache=Path(home) / "scanscope",
        photographs=options.photographs,
        root=options.root,
        footage=tuple(options.footage),
    )


def run(options: argparse.Namespace) -> int:
    """Trains, evaluates and writes the checkpoint; 1 with one sentence on the error stream else."""
    from analysis.training.errors import TrainingError
    from analysis.training.recipes import make_recipe
    from analysis.training.update import process_group
    from analysis.weights import WeightsError

    try:
        recipe = make_recipe(options.recipe, options.changes)
        with process_group() as (rank, world):
            finished = _trained(options, recipe, rank, world)
        if finished is not None:
            _ship(options, finished)
            print(json.dumps({"accuracy_note": finished.evaluation["accuracy_note"]}))
    except (TrainingError, WeightsError) as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("Stopped; the same command goes on from the last saved state.")
        return 130
    return 0


def _trained(options: argparse.Namespace, recipe, rank: int, world: int):
    from tqdm import tqdm

    from analysis.training.run import run_recipe

    material = recipe.data.load(places_of(options), say if rank == 0 else lambda text: None)
    steps = recipe.steps(material.clips_per_epoch)
    # The bar shows the time left on a terminal, and nothing where the output is kept.
    with tqdm(total=steps, unit="step", desc=options.recipe, disable=rank > 0 or None) as bar:

        def report(row: dict) -> None:
            bar.update(row["step"] - bar.n)
            print(json.dumps(row), flush=True)

        return run_recipe(
            recipe,
            material,
            options.out or Path("runs") / options.recipe,
            resume=not options.restart,
            progress=report,
            device=device_of(options.device),
            rank=rank,
            world=world,
        )


def _ship(options: argparse.Namespace, finished) -> None:
    from analysis.training.shipping import ship
    from analysis.weights.shipped import SHIPPED_FOLDER

    folder = options.out or Path("runs") / options.recipe
    # A changed recipe must not replace what the unchanged one made.
    target = options.checkpoints or (folder if options.changes else SHIPPED_FOLDER)
    ship(options.recipe, finished, typed_command(options), target)


def device_of(name: str | None):
    """The torch device of this process: the one asked for, else a GPU where there is one."""
    import torch

    if name is None and torch.cuda.is_available():
        name = f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
    return torch.device(name or "cpu")


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


def say(message: str) -> None:
    """A line for the person watching, apart from the results."""
    print(message, file=sys.stderr, flush=True)
