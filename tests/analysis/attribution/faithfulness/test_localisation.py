"""Localisation against masks, and planted clips whose cause is known."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from analysis.attribution.faithfulness.localisation import localise, token_mask
from analysis.attribution.faithfulness.planted import (
    plant_moving_disc,
    random_planted_clip,
    strongest_cause,
)
from analysis.attribution.method import AttributionError


def test_a_perfect_map():
    mask = np.zeros((2, 2, 2), bool)
    mask[0, 1] = True
    found = localise(mask.astype(float), mask)
    assert (found.pointing, found.accuracy, found.mean_iou, found.average_precision) == (1, 1, 1, 1)
    assert found.chance == 0.25


def test_figures_by_hand():
    """Values 4 3 2 1 with the first and third inside; the mean 2.5 cuts after the second."""
    values = np.array([4.0, 3.0, 2.0, 1.0]).reshape(1, 2, 2)
    mask = np.array([True, False, True, False]).reshape(1, 2, 2)
    found = localise(values, mask)
    assert found.pointing == 1.0
    assert found.accuracy == 0.5
    assert found.mean_iou == pytest.approx((1 / 3 + 1 / 3) / 2)
    assert found.average_precision == pytest.approx((1 / 1 + 2 / 3) / 2)


def test_a_flat_map_is_chance():
    mask = np.zeros((1, 2, 5), bool)
    mask[0, 0, :3] = True
    found = localise(np.zeros((1, 2, 5)), mask)
    assert found.pointing == found.average_precision == found.chance == pytest.approx(0.3)


def test_average_precision_is_that_of_scikit_learns_definition():
    """Sum over ranks of (recall gained) x precision, one by one, where no values are equal."""
    generator = np.random.default_rng(0)
    values, mask = generator.normal(size=60), generator.random(60) < 0.3
    order = np.argsort(-values)
    hits = expected = 0
    for rank, index in enumerate(order, 1):
        if mask[index]:
            hits += 1
            expected += hits / rank / mask.sum()
    found = localise(values.reshape(3, 4, 5), mask.reshape(3, 4, 5))
    assert found.average_precision == pytest.approx(expected)


@pytest.mark.parametrize("mask", [np.zeros((1, 2, 2), bool), np.ones((1, 2, 2), bool)])
def test_masks_that_say_nothing_are_refused(mask):
    with pytest.raises(AttributionError, match="some inside and some outside"):
        localise(np.zeros((1, 2, 2)), mask)


def test_tokens_count_when_half_covered():
    pixels = np.zeros((2, 4, 4), bool)
    pixels[:, :2, :2] = True
    pixels[0, 2:, 2:] = True
    mask = token_mask(pixels, (1, 2, 2))
    assert mask.tolist() == [[[True, False], [False, True]]]
    pixels = np.zeros((2, 4, 4), bool)
    pixels[0, 0, 0] = True
    assert token_mask(pixels, (1, 2, 2)).tolist() == [[[True, False], [False, False]]]


def test_a_planted_disc_is_all_that_moves():
    frame, texture = torch.zeros(3, 20, 30), torch.ones(3, 20, 30)
    planted = plant_moving_disc(frame, texture, 3, start=(5, 6), travel=(8, 16), radius=3)
    changed = (planted.clip != planted.still).any(0).numpy()
    np.testing.assert_array_equal(changed, planted.mask)
    centres = [np.argwhere(one).mean(0).tolist() for one in planted.mask]
    assert centres == [[5, 6], [9, 14], [13, 22]]
    assert [int(one.sum()) for one in planted.mask] == [29, 29, 29]  # lattice points within 3
    assert torch.equal(planted.still[:, 0], planted.still[:, 2])


def test_the_texture_travels_with_the_disc():
    texture = torch.arange(600.0).view(1, 20, 30).expand(3, -1, -1)
    planted = plant_moving_disc(
        torch.full((3, 20, 30), -1.0), texture, 2, start=(5, 6), travel=(4, 7), radius=3
    )
    assert planted.clip[0, 0, 5, 6] == planted.clip[0, 1, 9, 13] == 5 * 30 + 6


def test_a_disc_beside_the_picture_is_refused():
    frame = torch.zeros(3, 20, 20)
    with pytest.raises(AttributionError, match="disc"):
        plant_moving_disc(frame, frame, 2, start=(90, 90), travel=(0, 0), radius=3)


def test_random_discs_are_in_the_picture():
    generator = np.random.default_rng(0)
    for _ in range(20):
        planted = random_planted_clip(torch.zeros(3, 64, 64), torch.ones(3, 64, 64), 8, generator)
        shares = planted.mask.mean((1, 2))
        assert shares.min() > 0.05 and shares.max() < 0.4


def test_the_strongest_cause_is_the_one_that_raises_a_class_most():
    class MeanGrey(nn.Module):
        config = SimpleNamespace(num_frames=2)

        def forward(self, clips):
            grey = clips.mean((1, 2, 3, 4))
            return torch.stack([torch.zeros_like(grey), 4 * grey], 1)

    frame = torch.zeros(3, 16, 16)
    discs = [
        plant_moving_disc(
            frame, torch.full((3, 16, 16), level), 2, start=(8, 8), travel=(0, 0), radius=5
        )
        for level in (0.5, 2.0, -1.0)
    ]
    cause = strongest_cause(MeanGrey(), discs)
    assert cause.planted is discs[1] and cause.target == 1
    share = discs[1].mask.mean()
    expected = torch.sigmoid(torch.tensor(8 * share)).item() - 0.5
    assert cause.rise == pytest.approx(expected, rel=1e-4)
