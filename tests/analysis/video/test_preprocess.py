"""Scaling against Pillow, crops against hand-made coordinates, and the way back to pixels."""

import numpy as np
import pytest
import torch
from PIL import Image

from analysis.video.preprocess import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    Preprocessing,
    image_preprocessing,
    retrieval_preprocessing,
    to_clip,
    to_pixels,
    video_preprocessing,
)


def coordinates(height: int, width: int) -> np.ndarray:
    """One frame whose red channel is the row and whose green channel is the column."""
    frame = np.zeros((1, height, width, 3), np.uint8)
    frame[0, :, :, 0] = np.arange(height)[:, None]
    frame[0, :, :, 1] = np.arange(width)
    return frame


def noise(frames: int, height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (frames, height, width, 3), dtype=np.uint8)


# height and width of frames that need no scaling to size 32, crop, expected top and left
CROPS = [
    # centre crop: round((long - 32) / 2), halves to even; crop k: int(k * (long - 32) / 2)
    (32, 52, "center", 0, 10),
    (32, 35, "center", 0, 2),  # 1.5 -> 2
    (32, 33, "center", 0, 0),  # 0.5 -> 0
    (32, 52, 0, 0, 0),
    (32, 52, 1, 0, 10),
    (32, 52, 2, 0, 20),
    (32, 35, 1, 0, 1),  # int(1.5): one pixel off the centre crop, as published
    (35, 32, 1, 1, 0),
    (52, 32, 2, 20, 0),
    (52, 32, "center", 10, 0),
    (32, 32, 2, 0, 0),
]


@pytest.mark.parametrize(("height", "width", "crop", "top", "left"), CROPS)
def test_crops_lie_where_the_published_rule_puts_them(height, width, crop, top, left) -> None:
    preprocessing = video_preprocessing(32)
    seen = to_pixels(to_clip(coordinates(height, width), preprocessing, crop), preprocessing)
    assert np.array_equal(seen, coordinates(height, width)[:, top : top + 32, left : left + 32])


@pytest.mark.parametrize(
    ("preprocessing", "scaled"),
    [
        (video_preprocessing(64), (64, 96)),
        (image_preprocessing(64), (73, 109)),  # int(64 / 0.875) = 73, int(73 * 150 / 100) = 109
        (retrieval_preprocessing(64), (64, 64)),
    ],
    ids=["video", "image", "retrieval"],
)
@pytest.mark.parametrize("upright", [False, True], ids=["landscape", "portrait"])
def test_scaling_equals_pillow(preprocessing, scaled, upright) -> None:
    """Frames of 100 x 150 are scaled by Pillow and cropped at the centre by hand."""
    frames = noise(3, 100, 150)
    height, width = scaled
    if upright:
        frames, (height, width) = frames.transpose(0, 2, 1, 3), (width, height)
    filters = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
    resample = filters[preprocessing.interpolation]
    resized = np.stack(
        [np.asarray(Image.fromarray(frame).resize((width, height), resample)) for frame in frames]
    )
    top, left = round((height - 64) / 2), round((width - 64) / 2)
    expected = resized[:, top : top + 64, left : left + 64].astype(int)
    seen = to_pixels(to_clip(frames, preprocessing), preprocessing)
    assert seen.shape == (3, 64, 64, 3)
    assert np.abs(seen - expected).max() <= 1


def test_clip_is_normalised_per_channel() -> None:
    frames = np.empty((2, 16, 16, 3), np.uint8)
    frames[...] = (0, 128, 255)
    clip = to_clip(frames, video_preprocessing(16))
    assert clip.shape == (3, 2, 16, 16) and clip.dtype == torch.float32 and clip.is_contiguous()
    for channel, value in enumerate((0, 128 / 255, 1)):
        expected = (value - IMAGENET_MEAN[channel]) / IMAGENET_STD[channel]
        assert clip[channel].min().item() == pytest.approx(expected, abs=1e-6)
        assert clip[channel].max().item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    "preprocessing",
    [video_preprocessing(24), Preprocessing(24, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))],
    ids=["imagenet", "halves"],
)
def test_pixels_come_back_exactly(preprocessing) -> None:
    frames = noise(4, 24, 24)
    before = frames.copy()
    assert np.array_equal(to_pixels(to_clip(frames, preprocessing), preprocessing), frames)
    assert np.array_equal(frames, before)


def test_values_outside_the_range_of_pixels_are_clamped() -> None:
    clip = torch.full((3, 1, 2, 2), 50.0)
    assert (to_pixels(clip, video_preprocessing(2)) == 255).all()
    assert (to_pixels(-clip, video_preprocessing(2)) == 0).all()


@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 500), (7, 5), (33, 31)])
@pytest.mark.parametrize(
    "make", [video_preprocessing, image_preprocessing, retrieval_preprocessing]
)
@pytest.mark.parametrize("crop", ["center", 0, 1, 2])
def test_any_frame_size_fills_the_input(height, width, make, crop) -> None:
    assert to_clip(noise(2, height, width), make(32), crop).shape == (3, 2, 32, 32)


def test_short_side_is_the_size_worth_decoding_to() -> None:
    assert video_preprocessing(224).short_side == 224
    assert image_preprocessing(224).short_side == 256
    assert retrieval_preprocessing(224).short_side == 224


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        (lambda: to_clip(np.zeros((2, 8, 8), np.uint8), video_preprocessing(8)), r"\(2, 8, 8\)"),
        (lambda: to_clip(np.zeros((1, 8, 8, 3)), video_preprocessing(8)), "float64"),
        (lambda: to_clip(np.zeros((0, 8, 8, 3), np.uint8), video_preprocessing(8)), r"\(0, 8"),
        (lambda: to_clip(noise(1, 8, 8), video_preprocessing(8), 3), "Got crop 3"),
        (lambda: to_pixels(torch.zeros(1, 3, 2, 8, 8), video_preprocessing(8)), r"\(3, T, H, W\)"),
        (lambda: Preprocessing(0), "image_size 0"),
        (lambda: Preprocessing(8, crop_fraction=1.5), "crop_fraction 1.5"),
        (lambda: Preprocessing(8, resize="stretch"), 'Got resize "stretch"'),
    ],
)
def test_wrong_input_is_named(call, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        call()
