"""Clips at hand as thumbnails: the shipped examples and what this visitor uploaded."""

import base64
import io
from dataclasses import dataclass
from pathlib import Path

import gradio as gr
from PIL import Image

from analysis.video.decode import read_frames
from analysis.video.probe import probe
from app.example_clips import list_examples
from app.theme import ASSETS

THUMBNAIL_SIDE = 96
_KEPT_UPLOADS = 6


@dataclass(frozen=True)
class ClipAtHand:
    """A clip the visitor can go back to. `picture` is a small image as a data address."""

    name: str
    title: str
    path: str
    credit: str
    picture: str


def build_clip_picker() -> gr.HTML:
    """The component; its custom event `pick` carries the clip's `name`."""
    clips = example_clips()
    return gr.HTML(
        picker_value(clips, clips[0].name),
        html_template='<div class="picker" role="group" aria-label="Examples and recent clips">'
        '</div><p class="picker-credit"></p>',
        js_on_load=(ASSETS / "clip_picker.js").read_text(encoding="utf-8"),
        apply_default_css=False,
        elem_id="clip-picker",
        label="Examples and recent clips",
    )


def picker_value(clips: tuple[ClipAtHand, ...], chosen: str | None) -> dict:
    """What the browser shows; paths on the server stay on the server."""
    items = [
        {
            "name": clip.name,
            "title": clip.title,
            "credit": clip.credit,
            "picture": clip.picture,
        }
        for clip in clips
    ]
    return {"items": items, "chosen": chosen}


def example_clips() -> tuple[ClipAtHand, ...]:
    return tuple(
        ClipAtHand(
            name=example.name,
            title=example.title,
            path=str(example.path),
            credit=example.credit,
            picture=_data_address(example.thumbnail.read_bytes()),
        )
        for example in list_examples()
    )


def with_upload(clips: tuple[ClipAtHand, ...], path: str) -> tuple[ClipAtHand, ...]:
    """`clips` with the file at `path` in front; only the latest uploads are kept.

    Raises VideoError, one sentence, when the file is not a usable video.
    """
    upload = ClipAtHand(
        name=f"upload:{path}",
        title=Path(path).name,
        path=path,
        credit="",
        picture=thumbnail(path),
    )
    uploads = [clip for clip in clips if not clip.credit and clip.path != path]
    examples = [clip for clip in clips if clip.credit]
    return (upload, *uploads[: _KEPT_UPLOADS - 1], *examples)


def thumbnail(path: str | Path) -> str:
    """The middle frame of a clip, cropped square, as a data address."""
    info = probe(path)
    frame = read_frames(path, [info.frame_count // 2], short_side=THUMBNAIL_SIDE)[0]
    return _data_address(thumbnail_bytes(Image.fromarray(frame)))


def thumbnail_bytes(picture: Image.Image) -> bytes:
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    square = picture.crop((left, top, left + side, top + side))
    packed = io.BytesIO()
    square.resize((THUMBNAIL_SIDE, THUMBNAIL_SIDE)).save(packed, "WEBP", quality=80)
    return packed.getvalue()


def _data_address(webp: bytes) -> str:
    return f"data:image/webp;base64,{base64.b64encode(webp).decode('ascii')}"
