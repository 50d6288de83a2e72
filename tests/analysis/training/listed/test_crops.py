"""Random boxes: sizes, places, and what is cut out."""

import numpy as np
import pytest
import torch

from analysis.training.listed.crops import Box, cut, multi_scale_crop, resized_crop

ASPECT = (3 / 4, 4 / 3)


@pytest.mark.parametrize(("height", "width"), [(100, 100), (72, 128), (128, 72)])
def test_resized_crops_stay_in_the_frame_and_in_their_ranges(height, width):
    generator = np.random.default_rng(0)
    boxes = [resized_crop(height, width, (0.08, 1.0), ASPECT, generator) for _ in range(2000)]
    for box in boxes:
        assert 0 <= box.top <= height - box.height
        assert 0 <= box.left <= width - box.width
    areas = np.array([box.height * box.width for box in boxes]) / (height * width)
    aspects = np.array([box.width / box.height for box in boxes])
    assert 0.07 < areas.min() < 0.1
    assert areas.max() > 0.8 * min(1, ASPECT[1] * min(height, width) / max(height, width))
    assert ASPECT[0] * 0.9 < aspects.min() < 0.85
    assert 1.2 < aspects.max() < ASPECT[1] * 1.1


def test_areas_are_uniform_where_all_fit():
    generator = np.random.default_rng(1)
    boxes = [resized_crop(300, 300, (0.1, 0.5), (1.0, 1.0), generator) for _ in range(4000)]
    areas = np.array([box.height * box.width for box in boxes]) / 300**2
    np.testing.assert_allclose(np.quantile(areas, [0.25, 0.5, 0.75]), [0.2, 0.3, 0.4], atol=0.02)


@pytest.mark.parametrize(("height", "width"), [(10, 100), (100, 10)])
def test_where_nothing_fits_the_middle_is_taken(height, width):
    box = resized_crop(height, width, (1.0, 1.0), ASPECT, np.random.default_rng(0))
    assert min(box.height, box.width) == 10
    assert max(box.height, box.width) == 13
    assert abs(2 * box.top + box.height - height) <= 1
    assert abs(2 * box.left + box.width - width) <= 1


def test_multi_scale_crops():
    generator = np.random.default_rng(0)
    boxes = {multi_scale_crop(200, 300, generator) for _ in range(5000)}
    sides = {200: 0, 175: 1, 150: 2, 132: 3}
    pairs = {(box.height, box.width) for box in boxes}
    assert pairs == {(h, w) for h in sides for w in sides if abs(sides[h] - sides[w]) <= 1}
    places = {(box.top, box.left) for box in boxes if (box.height, box.width) == (132, 132)}
    assert len(places) == 13
    assert {(0, 0), (68, 168), (34, 84), (17, 42), (51, 126), (0, 84)} <= places
    assert (0, 42) not in places


def test_cut_takes_the_same_part_of_every_frame():
    frames = np.random.default_rng(0).integers(0, 256, (3, 20, 30, 3), np.uint8)
    np.testing.assert_array_equal(cut(frames, Box(2, 5, 8, 8), 8), frames[:, 2:10, 5:13])


def test_cut_scales_to_the_size():
    frames = np.zeros((2, 20, 30, 3), np.uint8)
    frames[:, :, 15:] = 200
    scaled = cut(frames, Box(0, 5, 20, 20), 10)
    assert scaled.shape == (2, 10, 10, 3)
    assert (scaled[:, :, :4] == 0).all()
    assert (scaled[:, :, 6:] == 200).all()
    assert torch.from_numpy(scaled.copy()).dtype == torch.uint8
