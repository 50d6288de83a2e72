"""`evaluate WEIGHTS --list FILE`: how often a model is right about the files of a list."""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from analysis.commands.output import print_json, print_table, refused


def register(commands: argparse._SubParsersAction) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "evaluate",
        help="how often a model is right about the files of a list",
        description="Shows every video of a list to a model in several views, averages the "
        "probabilities, and counts. Labels are class numbers in the order of the model's outputs.",
    )
    parser.add_argument("weights", metavar="WEIGHTS", help="name of the weights (`models`)")
    parser.add_argument("--weights-file", help="a checkpoint file to use instead")
    parser.add_argument(
        "--list", required=True, metavar="FILE", dest="list_file", help="path and label a line"
    )
    parser.add_argument(
        "--root", metavar="DIR", help="what its paths are relative to (the folder of the list)"
    )
    parser.add_argument(
        "--format",
        default="k400",
        help="k400, ssv2, breakfast, coin, lvu, lvu_values or images (k400)",
    )
    parser.add_argument("--clips", type=int, help="samplings in time (as published)")
    parser.add_argument("--crops", type=int, choices=(1, 3), help="crops (as published)")
    parser.add_argument(
        "--answers",
        type=Path,
        metavar="FILE",
        help="keep the answers there as JSON lines; a stopped evaluation goes on from them",
    )
    parser.add_argument("--frames", type=int, help="frames per clip (as trained)")
    parser.add_argument("--image-size", type=int, help="pixels a side (as trained)")
    parser.add_argument("--scan-order", help="scan order (as trained)")
    parser.add_argument("--device", help="cpu or cuda (a GPU where there is one)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Prints the scores; 1 with one sentence where there are none, or where files were bad."""
    from analysis.training.errors import TrainingError
    from analysis.weights import WeightsError

    try:
        evaluation, heading = _evaluated(options)
    except (TrainingError, WeightsError, ValueError) as error:
        return refused(error, options.json)
    if options.json:
        print_json({**heading, **evaluation.as_dict()})
    else:
        _print(evaluation, heading)
    return 1 if evaluation.problems else 0


def _evaluated(options: argparse.Namespace):
    from tqdm import tqdm

    from analysis.commands.train import device_of
    from analysis.training.listed.answer_rows import AnswerRows
    from analysis.training.listed.list_file import ListFile, Problem, read_list
    from analysis.training.listed.multi_view import evaluate_list
    from analysis.weights import load_model

    loaded = load_model(
        options.weights,
        num_frames=options.frames,
        image_size=options.image_size,
        scan_order=options.scan_order,
        weights_file=options.weights_file,
    )
    config = ListFile(
        path=options.list_file,
        root=options.root,
        format=options.format,
        classes=len(loaded.labels),
        bad_share=1.0,
    )
    videos, views = read_list(config), _views(options, config, loaded)
    if videos.labels:
        videos = replace(videos, labels=loaded.labels)
    heading = {
        "model": loaded.card.name,
        "training": loaded.card.training,
        "scan_order": loaded.model.scan_order,
        "num_frames": views.num_frames,
        "image_size": views.preprocessing.image_size,
        "sampling": views.sampling,
    }
    for problem in videos.problems:
        print(problem.sentence, file=sys.stderr)
    rows = None
    if options.answers is not None:
        identity = {"weights": loaded.content_hash, **heading, **_of_list(config, views)}
        rows = AnswerRows(options.answers, identity)
    model = loaded.model.to(device_of(options.device))
    total = len({entry.line for entry in videos.entries})
    with tqdm(total=total, unit="video", disable=None) as bar:

        def heard(row) -> None:
            bar.update()
            if isinstance(row, Problem):
                tqdm.write(row.sentence, file=sys.stderr)

        return evaluate_list(model, videos, views, rows=rows, heard=heard), heading


def _views(options: argparse.Namespace, config, loaded):
    """The views asked for, else those published for the format; frames as the model learned."""
    from analysis.training.listed.multi_view import Views

    sampling = loaded.card.sampling
    # The uniform rule takes the whole video in, so that a second clip would be the first again.
    published = 1 if sampling == "uniform" else config.kind.clips
    return Views(
        num_frames=loaded.config.num_frames,
        preprocessing=loaded.preprocessing,
        sampling=sampling,
        clips=published if options.clips is None else options.clips,
        crops=options.crops or config.kind.crops,
    )


def _of_list(config, views) -> dict:
    """By which kept answers are known to belong to this list and these views."""
    import hashlib

    path = Path(config.path)
    content = path.read_bytes() if path.is_file() else b""
    return {
        "list": config.name,
        "sha256": hashlib.sha256(content).hexdigest(),
        "format": config.format,
        "clips": views.clips,
        "crops": views.crops,
    }


def _print(evaluation, heading: dict) -> None:
    shown = evaluation.as_dict()
    print(
        f"{heading['model']} ({heading['training']}) · {shown['videos']} of {shown['list']} · "
        f"{shown['views']} views"
    )
    names = ("top1_percent", "top5_percent", "mean_squared_error")
    scores = [(name.replace("_", " "), shown[name]) for name in names if shown[name] is not None]
    print_table(("score", "value"), scores)
    met = [row for row in evaluation.class_table() if row["videos"]]
    if met:
        print()
        print_table(tuple(met[0]), [tuple(row.values()) for row in met])
    if evaluation.problems:
        print(f"\nLines left out, see above: {len(evaluation.problems)}.")
