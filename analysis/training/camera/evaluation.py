"""How well a model tells camera moves apart: rendered, through video files, over real footage."""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn

from analysis.training.camera.camera_moves import CameraClip, CameraMoves
from analysis.training.camera.camera_path import CAMERA_MOVES, random_camera_path
from analysis.training.camera.clip_files import ClipFormat, Picture, Scene, write_clip
from analysis.training.camera.photographs import Photograph
from analysis.training.camera.viewpoint import random_viewpoint
from analysis.training.scores import Scores, answers_for, score
from analysis.video.decode import read_frames
from analysis.video.preprocess import to_clip, video_preprocessing
from analysis.video.probe import probe
from analysis.video.sampling import k400_validation_indices

FORMATS = tuple(
    ClipFormat(width, height, frame_rate, duration_s, quality)
    for (width, height), frame_rate, duration_s, quality in (
        ((320, 240), 12, 1.0, 28),
        ((320, 240), 30, 3.0, 23),
        ((640, 360), 24, 6.0, 20),
        ((640, 360), 60, 2.0, 32),
        ((480, 640), 30, 4.0, 26),
        ((480, 640), 15, 1.5, 35),
    )
)


def score_files(
    model: nn.Module,
    moves: CameraMoves,
    photographs: Sequence[Photograph],
    *,
    clips_per_class: int = 6,
    formats: Sequence[ClipFormat] = FORMATS,
    seed: int = 2,
) -> dict[str, Scores]:
    """Scores on moves over `photographs` (those of `moves`) encoded as video files and read back.

    One entry per format, such as "320x240 30 fps 3.0 s".
    """
    pictures = [Picture(photograph.pixels) for photograph in photographs]
    scores = {}
    for number, form in enumerate(formats):
        generator = np.random.default_rng([seed, number])

        def clips(form=form, generator=generator) -> Iterator[_Filmed]:
            for label in np.repeat(np.arange(len(CAMERA_MOVES)), clips_per_class):
                clip = moves.imagine(int(label), generator, extent=form.extent)
                picture = pictures[clip.viewpoint.photograph]
                yield _Filmed(clip, partial(_frame_at, [picture]))

        name = f"{form.width}x{form.height} {form.frame_rate} fps {form.duration_s} s"
        scores[name] = _score_written(model, clips(), pictures.__getitem__, form, generator)
    return scores


def score_footage(
    model: nn.Module,
    videos: Sequence[Path],
    *,
    clips_per_class: int = 6,
    form: ClipFormat = ClipFormat(320, 240, 25, 3.0, 23),  # noqa: B008 (frozen)
    seed: int = 3,
) -> dict[str, Scores]:
    """Scores on camera moves made by a crop window that travels over footage while it plays.

    One entry per video. What the original camera or the scene does comes on top of the move.
    """
    scores = {}
    for number, video in enumerate(videos):
        generator = np.random.default_rng([seed, number])
        frames = _footage(video, form.frame_count)

        def clips(frames=frames, generator=generator) -> Iterator["_Filmed"]:
            for label in np.repeat(np.arange(len(CAMERA_MOVES)), clips_per_class):
                path = random_camera_path(CAMERA_MOVES[label], generator, 1.0)
                viewpoint = random_viewpoint(path, 0, frames[0].size, generator, form.extent)
                clip = CameraClip(int(label), path, viewpoint, ())
                yield _Filmed(clip, partial(_frame_at, frames))

        scores[Path(video).stem] = _score_written(
            model, clips(), frames.__getitem__, form, generator
        )
    return scores


@dataclass(frozen=True)
class _Filmed:
    clip: CameraClip
    scene: Scene


def _score_written(model, clips, textures, form, generator) -> Scores:
    labels, inputs = [], []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        for filmed in clips:
            write_clip(path, filmed.clip, filmed.scene, textures, form, generator)
            labels.append(filmed.clip.label)
            inputs.append(read_clip_file(path, model.config.num_frames, model.config.image_size))
    return score(CAMERA_MOVES, labels, answers_for(model, torch.stack(inputs)))


def read_clip_file(path: Path, num_frames: int, image_size: int) -> torch.Tensor:
    """A video file as the model is fed it: float32 (3, T, H, W), evenly spread frames."""
    indices = k400_validation_indices(probe(path).frame_count, num_frames)
    frames = read_frames(path, indices, short_side=image_size)
    return to_clip(frames, video_preprocessing(image_size))


def _frame_at(frames: list[Picture], time: float) -> Picture:
    return frames[round(time * (len(frames) - 1))]


def _footage(video: Path, count: int) -> list[Picture]:
    """`count` frames spread over a video, as many of them twice as it takes."""
    total = probe(video).frame_count
    indices = np.linspace(0, total - 1, count).round().astype(int)
    return [Picture(frame) for frame in read_frames(video, indices, short_side=480)]
