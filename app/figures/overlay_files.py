"""Overlays to take away: all methods and time steps on one picture, or a video side by side."""

import io
from collections.abc import Sequence
from fractions import Fraction

import av
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from app.figures.evidence import Map, grid_values
from app.figures.heat import overlaid, png_bytes

_SIDE = 224
_GAP, _HEAD = 6, 24
_INK, _PAPER = (26, 28, 32), (255, 255, 255)
_MOST_COLUMNS = 16
_FRAMES_PER_S = 24


def overlay_png(frames: np.ndarray, maps: Sequence[Map], subtitle: str) -> bytes:
    """Rows are methods, columns time steps: each shows its first frame under the heat."""
    steps = maps[0]["grid"][0]
    columns = list(range(0, steps, -(-steps // _MOST_COLUMNS)))
    chosen = [step * len(frames) // steps for step in columns]
    side = min(_SIDE, 128)
    width = _GAP + len(chosen) * (side + _GAP)
    sheet = Image.new("RGB", (max(width, 420), _HEAD + len(maps) * (_HEAD + side + _GAP)), _PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    pen.text((_GAP, 5), subtitle, _INK, font)
    for row, one in enumerate(maps):
        top = _HEAD + row * (_HEAD + side + _GAP)
        pen.text((_GAP, top + 5), one["title"], _INK, font)
        for column, tile in enumerate(overlay_tiles(frames, one, side)[chosen]):
            sheet.paste(Image.fromarray(tile), (_GAP + column * (side + _GAP), top + _HEAD))
    return png_bytes(sheet)


def overlay_mp4(frames: np.ndarray, maps: Sequence[Map], subtitle: str, frame_s: float) -> bytes:
    """H.264 video: the maps side by side under their names, each frame shown for `frame_s`."""
    rows = [overlay_tiles(frames, one, _SIDE) for one in maps]
    width, height = _even(_GAP + len(maps) * (_SIDE + _GAP)), _even(2 * _HEAD + _SIDE + _GAP)
    font = ImageFont.load_default(13)
    repeats = max(1, round(frame_s * _FRAMES_PER_S))
    packed = io.BytesIO()
    with av.open(packed, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=_FRAMES_PER_S)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"crf": "20", "preset": "veryfast"}
        stream.codec_context.time_base = Fraction(1, _FRAMES_PER_S)
        for index in range(len(frames)):
            sheet = Image.new("RGB", (width, height), _PAPER)
            pen = ImageDraw.Draw(sheet)
            pen.text((_GAP, 5), f"{subtitle}, frame {index + 1} of {len(frames)}", _INK, font)
            for column, (one, tiles) in enumerate(zip(maps, rows, strict=True)):
                left = _GAP + column * (_SIDE + _GAP)
                pen.text((left, _HEAD + 2), _shortened(one["title"], font), _INK, font)
                sheet.paste(Image.fromarray(tiles[index]), (left, 2 * _HEAD))
            picture = av.VideoFrame.from_image(sheet)
            for _ in range(repeats):
                picture.pts = None
                container.mux(stream.encode(picture))
        container.mux(stream.encode())
    return packed.getvalue()


def overlay_tiles(frames: np.ndarray, one: Map, side: int) -> np.ndarray:
    """Overlays (T, side, side, 3) of square frames under a map."""
    return overlay_values(frames, grid_values(one), side, one["signed"])


def overlay_values(
    frames: np.ndarray, values: np.ndarray, side: int, signed: bool = False
) -> np.ndarray:
    """Overlays (T, side, side, 3) of square frames under values (t, h, w)."""
    larger = np.stack(
        [
            np.asarray(Image.fromarray(f).resize((side, side), Image.Resampling.BICUBIC))
            for f in frames
        ]
    )
    return overlaid(larger, values, signed)


def _shortened(title: str, font: ImageFont.FreeTypeFont) -> str:
    if font.getlength(title) <= _SIDE:
        return title
    while font.getlength(f"{title}...") > _SIDE:
        title = title[:-1]
    return f"{title}..."


def _even(side: int) -> int:
    return side + side % 2
