"""`index DIR --store URI`: windows of the videos of a folder, kept to be searched."""

import argparse
import sys
from dataclasses import asdict

from analysis.commands.output import print_json, refused
from analysis.commands.video_text_model import add_video_text_options, load_video_text_model


def register(commands: argparse._SubParsersAction) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "index",
        help="make a folder of videos searchable, or bring its index up to date",
        description="Cuts the videos of a folder into windows, embeds them with a video-text "
        "model and keeps them in a LanceDB store. What is there already stays; a build that was "
        "stopped goes on where it was.",
    )
    parser.add_argument("folder", metavar="DIR", nargs="?", help="folder of videos")
    parser.add_argument(
        "--store", required=True, metavar="URI", help="a folder, s3://, gs://, az:// or db://"
    )
    add_video_text_options(parser)
    parser.add_argument("--window-s", type=float, default=4.0, help="seconds of a window (4)")
    parser.add_argument("--stride-s", type=float, default=2.0, help="seconds between starts (2)")
    parser.add_argument(
        "--replace", action="store_true", help="make an index of another model anew"
    )
    parser.add_argument(
        "--delete", metavar="VIDEO", nargs="+", help="only remove these videos from the index"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Prints what was done; 1 with one sentence where nothing was, or where files were bad."""
    from analysis.retrieval.errors import RetrievalError
    from analysis.weights import WeightsError

    try:
        report = _deleted(options) if options.delete else _built(options)
    except (RetrievalError, WeightsError, ValueError) as error:
        return refused(error, options.json)
    if options.json:
        print_json(report)
    elif options.delete:
        print(f"{report['removed_windows']} windows removed, {report['windows']} are left.")
    else:
        _print(report)
    return 1 if report.get("problems") else 0


def _deleted(options: argparse.Namespace) -> dict:
    from analysis.retrieval.errors import RetrievalError
    from analysis.retrieval.index.store import WindowStore

    store = WindowStore(options.store)
    known = {one.video for one in store.videos()}
    if unknown := sorted(set(options.delete) - known):
        raise RetrievalError(f"The index at {store.uri} has no video {', '.join(unknown)}.")
    removed = store.delete(options.delete)
    return {"store": store.uri, "removed_windows": removed, "windows": len(store)}


def _built(options: argparse.Namespace) -> dict:
    from tqdm import tqdm

    from analysis.retrieval.errors import RetrievalError
    from analysis.retrieval.index.build import build_index
    from analysis.retrieval.index.records import settings_of
    from analysis.retrieval.index.store import WindowStore

    if options.folder is None:
        raise RetrievalError("Name the folder of videos to index, or videos to --delete.")
    store = WindowStore(options.store)
    loaded = load_video_text_model(options)
    events = build_index(
        loaded,
        options.folder,
        store,
        window_s=options.window_s,
        stride_s=options.stride_s,
        replace_others=options.replace,
    )
    said = 0
    with tqdm(disable=None) as bar:
        for now in events:
            bar.set_description(f"{now.doing} {now.video}".rstrip(), refresh=False)
            bar.total, bar.n = now.total, now.done
            bar.refresh()
            for problem in now.problems[said:]:
                print(problem, file=sys.stderr)
            said = len(now.problems)
    report = asdict(now)
    return {
        "store": store.uri,
        "training": loaded.card.training,
        **settings_of(loaded, options.window_s, options.stride_s).row(),
        "videos": report.pop("total"),
        "windows": len(store),
        **{name: report[name] for name in ("added", "unchanged", "copied", "removed", "problems")},
    }


def _print(report: dict) -> None:
    print(
        f"{report['store']}: {report['windows']} windows of {report['window_s']:g} s every "
        f"{report['stride_s']:g} s, by {report['model']} ({report['training']}), "
        f"{report['scan_order']}"
    )
    print(
        f"{report['videos']} videos: {report['added']} windows added, {report['unchanged']} videos "
        f"as they were, {report['copied']} with known content, {report['removed']} removed."
    )
    if report["problems"]:
        print(f"Left out, see above: {len(report['problems'])}.")
