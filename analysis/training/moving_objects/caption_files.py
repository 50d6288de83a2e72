"""Captioned clips as video files with a list of annotations, as the field has them."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from analysis.training.camera.clip_files import ClipFormat, write_frames
from analysis.training.camera.photograph_store import PhotographStore
from analysis.training.camera.photographs import Photograph
from analysis.training.kept_files import replace_text
from analysis.training.moving_objects.captioned_clips import CaptionedClips
from analysis.training.moving_objects.zero_shot import gallery_generator

LIST_FILE = "captions.json"
FORM = ClipFormat(width=256, height=256, frame_rate=16, duration_s=3.0)


def write_captioned_files(
    folder: Path,
    photographs: Sequence[Photograph],
    count: int,
    split: str = "never_seen",
    gallery: int = 0,
) -> Iterator[Path]:
    """Write `count` clips of different compositions into `folder`, one after another.

    `gallery` numbers draws of compositions and everything else. The list, `LIST_FILE`, comes last;
    its objects hold "video", the file's name, and "caption". Raises ValueError where `split` has
    fewer compositions.
    """
    store = PhotographStore.build(photographs)
    clips = CaptionedClips(store, split, num_frames=FORM.frame_count, image_size=FORM.width)
    entries = []
    for number, clip in enumerate(clips.different(count, gallery_generator(gallery), film=True)):
        path = folder / f"{number:04}_{'_'.join(vars(clip.composition).values())}.mp4"
        path = path.with_name(path.name.replace(" ", "_"))
        write_frames(path, clip.pixels, FORM)
        entries.append({"video": path.name, "caption": clip.caption})
        yield path
    replace_text(folder / LIST_FILE, json.dumps(entries, indent=1) + "\n")
