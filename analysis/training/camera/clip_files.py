"""The same camera moves as video files of any size, frame rate and length.

Drawn with Pillow, apart from the compiled training renderer: both have only the
motion in common, so that one checks the other.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageDraw

from analysis.training.camera.camera_moves import CameraClip
from analysis.training.camera.moving_object import MovingObject

_NOISE_MARGIN = 64


class Picture:
    """Pixels (H, W, 3) with smaller copies of themselves, each made once, to be seen from afar."""

    def __init__(self, pixels: np.ndarray):
        self._reduced = {1: Image.fromarray(pixels)}
        self.size = self._reduced[1].size

    def reduced(self, factor: int) -> Image.Image:
        """The picture with every `factor` x `factor` pixels averaged into one."""
        if factor not in self._reduced:
            self._reduced[factor] = self._reduced[1].reduce(factor)
        return self._reduced[factor]


# A scene at a time between 0 and 1: a photograph is the same at all times, footage goes on.
Scene = Callable[[float], Picture]


@dataclass(frozen=True)
class ClipFormat:
    """A video file's form. `quality` is H.264's constant rate factor: 18 is fine, 35 coarse."""

    width: int = 320
    height: int = 240
    frame_rate: int = 30
    duration_s: float = 3.0
    quality: int = 23

    @property
    def frame_count(self) -> int:
        """Frames in the file, at least 2."""
        return max(2, round(self.frame_rate * self.duration_s))

    @property
    def extent(self) -> tuple[float, float]:
        """Width and height in views (the short side is 1)."""
        short = min(self.width, self.height)
        return self.width / short, self.height / short


def draw_frames(
    clip: CameraClip, scene: Scene, textures: Callable[[int], Picture], form: ClipFormat
):
    """The frames of `clip` over `scene`, one Pillow image after another.

    `clip` holds its viewpoint in pixels of the scene; `textures` gives the photograph of a number,
    for foreground objects.
    """
    times = np.linspace(0.0, 1.0, form.frame_count)
    poses = clip.path.poses(times)
    matrices = clip.viewpoint.matrices(poses, form.width, form.height)
    placements = [moving.placements(times, poses) for moving in clip.objects]
    for index, time in enumerate(times):
        frame = _seen_through(scene(float(time)), matrices[index], (form.width, form.height))
        for moving, places in zip(clip.objects, placements, strict=True):
            _paint(frame, moving, places[index], textures(moving.texture))
        yield frame


def _seen_through(picture: Picture, matrix: np.ndarray, size: tuple[int, int]) -> Image.Image:
    """A picture through a map from (column, row, 1), whole pixel centres, to picture points."""
    linear = matrix[:, :2]
    step = float(np.sqrt(np.abs(np.linalg.det(linear))))
    factor = max(1, int(step))
    # Pillow's pixel centres are halves.
    offset = matrix[:, 2] - linear @ (0.5, 0.5)
    linear, offset = linear / factor, offset / factor
    coefficients = (*linear[0], offset[0], *linear[1], offset[1])
    return picture.reduced(factor).transform(
        size, Image.Transform.AFFINE, coefficients, resample=Image.Resampling.BILINEAR
    )


def _paint(frame: Image.Image, moving: MovingObject, place: np.ndarray, texture: Picture):
    """Draw one object into `frame` at place (x, y, radius, angle), lengths in views."""
    size = min(frame.size)
    middle = np.array(frame.size) / 2 + place[:2] * size
    radius, angle = max(place[2] * size, 1.0), place[3]
    around = np.linspace(0.0, 2 * np.pi, 72, endpoint=False)
    aspect, c2, s2, c3, s3 = moving.outline
    edge = 1 + c2 * np.cos(2 * around) + s2 * np.sin(2 * around)
    edge = edge + c3 * np.cos(3 * around) + s3 * np.sin(3 * around)
    # Along the object's own axes the outline is `aspect` times narrower and longer than a blob.
    stretch = np.diag([1 / aspect, aspect])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    to_frame = radius * turn @ stretch
    points = middle + (to_frame @ (edge * np.stack([np.cos(around), np.sin(around)]))).T
    corner = np.maximum(np.floor(points.min(axis=0)), 0).astype(int)
    width, height = np.minimum(np.ceil(points.max(axis=0)), frame.size).astype(int) - corner
    if min(width, height) < 1:
        return
    mask = Image.new("L", (2 * width, 2 * height))
    shade = round(255 * moving.opacity)
    ImageDraw.Draw(mask).polygon([tuple(2 * (point - corner)) for point in points], fill=shade)
    to_texture = moving.texture_scale * min(texture.size) * np.linalg.inv(to_frame)
    centre = np.array(moving.texture_centre) * texture.size
    offset = centre - to_texture @ (middle - corner - 0.5)
    colours = _seen_through(
        texture, np.concatenate([to_texture, offset[:, None]], axis=1), (int(width), int(height))
    )
    frame.paste(colours, tuple(corner.tolist()), mask.reduce(2))


def write_clip(
    path: Path,
    clip: CameraClip,
    scene: Scene,
    textures: Callable[[int], Picture],
    form: ClipFormat,
    generator: np.random.Generator,
) -> None:
    """Encode `clip` as H.264 at `path`, with random brightness, contrast and sensor noise.

    Width and height must be even, as the codec wants.
    """
    gain, offset = np.exp(generator.normal(0.0, 0.15)), generator.normal(0.0, 12.0)
    deviation = generator.uniform(0.0, 6.0) if generator.random() < 0.5 else 0.0
    # One sheet of noise, seen at another place in every frame, is quicker than new noise.
    sheet_shape = (form.height + _NOISE_MARGIN, form.width + _NOISE_MARGIN, 3)
    sheet = deviation * generator.standard_normal(sheet_shape, np.float32)

    def filmed() -> Iterator[np.ndarray]:
        for picture in draw_frames(clip, scene, textures, form):
            pixels = (np.asarray(picture, np.float32) - 128.0) * gain + 128.0 + offset
            top, left = generator.integers(_NOISE_MARGIN, size=2)
            pixels += sheet[top : top + form.height, left : left + form.width]
            yield np.clip(pixels, 0.0, 255.0).astype(np.uint8)

    write_frames(path, filmed(), form)


def write_frames(path: Path, frames: Iterable[np.ndarray], form: ClipFormat) -> None:
    """Encode frames, uint8 (H, W, 3) each, as H.264 at `path`, in one step once all are there."""
    temporary = path.with_name(f".{os.getpid()}.{path.name}")
    with av.open(str(temporary), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=form.frame_rate)
        stream.width, stream.height, stream.pix_fmt = form.width, form.height, "yuv420p"
        stream.options = {"crf": str(form.quality), "preset": "veryfast"}
        for pixels in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    os.replace(temporary, path)
