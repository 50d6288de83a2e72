"""`render-captions DIR`: clips of moving shapes as video files, with a list of captions."""

import argparse
from pathlib import Path

from analysis.commands.output import refused
from analysis.commands.train import add_places, places_of, say


def register(commands: argparse._SubParsersAction) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "render-captions",
        help="write captioned clips of moving shapes, for evaluate-retrieval and index",
        description="Writes clips of coloured shapes and cameras that move over photographs never "
        "trained on, each another combination, with captions.json beside them.",
    )
    parser.add_argument("folder", metavar="DIR", type=Path, help="where to write")
    parser.add_argument("--clips", type=int, default=200, help="how many (200)")
    parser.add_argument("--gallery", type=int, default=0, help="number of the draw (0)")
    parser.add_argument(
        "--split",
        choices=("never_seen", "seen"),
        default="never_seen",
        help="combinations never trained on, or trained on (never_seen)",
    )
    add_places(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Says where the list is; 1 with one sentence where nothing could be written."""
    from tqdm import tqdm

    from analysis.training.camera.photograph_material import OverPhotographs, read_photographs
    from analysis.training.camera.photographs import split_photographs
    from analysis.training.errors import TrainingError
    from analysis.training.moving_objects.caption_files import LIST_FILE, write_captioned_files

    try:
        every = read_photographs(places_of(options), say)
        _, photographs = split_photographs(every, OverPhotographs().held_out_share)
        options.folder.mkdir(parents=True, exist_ok=True)
        files = write_captioned_files(
            options.folder, photographs, options.clips, options.split, options.gallery
        )
        for _ in tqdm(files, total=options.clips, disable=None):
            pass
    except (TrainingError, ValueError, OSError) as error:
        return refused(error, as_json=False)
    print(f"{options.clips} clips and their captions: {options.folder / LIST_FILE}")
    return 0
