"""`predict CLIP...`: what a model says about clips."""

import argparse
import sys
from dataclasses import asdict

from analysis.commands.output import print_json, print_table

DEFAULT_MODEL = "videomamba_mini.camera"


def register(commands: argparse._SubParsersAction) -> None:
    """Adds the command."""
    parser = commands.add_parser("predict", help="what a model says about clips")
    parser.add_argument("clips", nargs="+", metavar="CLIP", help="video files")
    add_model_options(parser)
    parser.add_argument("--top", type=int, default=5, help="classes per clip (5)")
    parser.add_argument(
        "--views",
        default="1x1",
        metavar="CLIPSxCROPS",
        help="average over samplings in time x crops in space, 4x3 as published (1x1)",
    )
    parser.set_defaults(run=run)


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """The options by which every command chooses a model, and --json."""
    parser.add_argument("--model", default=DEFAULT_MODEL, help=f"weights ({DEFAULT_MODEL})")
    parser.add_argument("--weights-file", help="a checkpoint file to use instead")
    parser.add_argument("--frames", type=int, help="frames per clip (as trained)")
    parser.add_argument("--image-size", type=int, help="pixels a side (as trained)")
    parser.add_argument("--scan-order", help="scan order (as trained)")
    parser.add_argument("--json", action="store_true", help="print JSON")


def load_chosen_model(options: argparse.Namespace):
    """The model that `add_model_options` describe. Raises WeightsError."""
    from analysis.weights import load_model

    return load_model(
        options.model,
        num_frames=options.frames,
        image_size=options.image_size,
        scan_order=options.scan_order,
        weights_file=options.weights_file,
    )


def run(options: argparse.Namespace) -> int:
    """Prints an answer per clip; exit code 1 when one of them could not be answered."""
    from analysis.weights import WeightsError

    try:
        loaded = load_chosen_model(options)
        rows = [_answer(loaded, clip, options) for clip in options.clips]
    except (WeightsError, ValueError) as error:
        rows = [{"clip": clip, "error": str(error)} for clip in options.clips]
    if options.json:
        print_json(rows)
    else:
        for row in rows:
            _print_answer(row)
    return 1 if any("error" in row for row in rows) else 0


def _answer(loaded, clip: str, options: argparse.Namespace) -> dict:
    from analysis.prediction import predict_clip, predict_views, read_clip
    from analysis.video.limits import VideoError
    from analysis.video.sampling import multi_view

    clips, crops = _views(options.views)
    try:
        if (clips, crops) == (1, 1):
            prediction = predict_clip(loaded, read_clip(clip, loaded), top=options.top)
        else:
            prediction = predict_views(loaded, clip, multi_view(clips, crops), top=options.top)
    except VideoError as error:
        return {"clip": clip, "error": str(error)}
    row = asdict(prediction)
    return {**row, "clip": clip, "trained": prediction.training != "untrained"}


def _views(text: str) -> tuple[int, int]:
    clips, _, crops = text.partition("x")
    if not (clips.isdigit() and crops.isdigit()):
        raise ValueError(f"--views is {text!r}; write clips x crops, such as 4x3")
    return int(clips), int(crops)


def _print_answer(row: dict) -> None:
    if "error" in row:
        print(f"{row['clip']}: {row['error']}", file=sys.stderr)
        return
    print(f"{row['clip']} · {row['model']} ({row['training']}, {row['relation']})")
    print_table(
        ("label", "probability"),
        [(entry["label"], entry["probability"]) for entry in row["predictions"]],
    )
