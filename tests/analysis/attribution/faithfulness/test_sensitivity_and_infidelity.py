"""Sensitivity-n and infidelity: perfect for a linear model's own terms, worse for others."""

import numpy as np
import pytest
import torch

from analysis.attribution.faithfulness.infidelity import (
    infidelity,
    max_sensitivity,
    random_removals,
)
from analysis.attribution.faithfulness.removal import Removal
from analysis.attribution.faithfulness.sensitivity import (
    sensitivity_n,
    subset_drops,
    subset_sizes,
)
from analysis.attribution.faithfulness.units import units_of
from analysis.attribution.method import AttributionError


@pytest.fixture
def removal(linear_model, linear_clips):
    units = units_of("tubelets", linear_model.token_grid)
    return Removal(linear_model, linear_clips[0], 0, units, score="logit")


@pytest.fixture
def terms(linear_model, linear_clips):
    return linear_model.unit_terms(linear_clips[0], 0).ravel()


def test_sizes_are_spread_on_a_log_scale():
    sizes = subset_sizes(256)
    assert sizes[0] == 1 and sizes[-1] == 204
    ratios = sizes[1:] / sizes[:-1]
    assert len(sizes) == 8 and ratios[2:].max() / ratios[2:].min() < 1.2
    assert subset_sizes(1).tolist() == [1]


def test_subsets_have_their_sizes(removal):
    found = subset_drops(removal, subsets=9, generator=np.random.default_rng(0))
    assert found.removed.shape == (len(found.sizes), 9, 18)
    np.testing.assert_array_equal(
        found.removed.sum(-1), np.broadcast_to(found.sizes[:, None], (len(found.sizes), 9))
    )
    rows = {row.tobytes() for row in found.removed.reshape(-1, 18)}
    assert len(rows) > 40


def test_the_terms_of_a_linear_model_are_perfect(removal, terms):
    measured = subset_drops(removal, generator=np.random.default_rng(0))
    perfect = sensitivity_n(measured, terms)
    np.testing.assert_allclose(perfect.correlations, 1.0, atol=1e-9)
    np.testing.assert_allclose(sensitivity_n(measured, -2 * terms).correlations, -1.0, atol=1e-9)
    assert abs(sensitivity_n(measured, np.random.default_rng(5).normal(size=18)).mean) < 0.7
    assert sensitivity_n(measured, np.ones(18)).mean == 0.0


def test_correlations_are_those_of_numpy(removal):
    measured = subset_drops(removal, generator=np.random.default_rng(0))
    values = np.random.default_rng(1).normal(size=18)
    expected = [
        np.corrcoef(removed @ values, drops)[0, 1]
        for removed, drops in zip(measured.removed, measured.drops, strict=True)
    ]
    np.testing.assert_allclose(sensitivity_n(measured, values).correlations, expected)


@pytest.mark.parametrize("choice", [{"subsets": 1}, {"sizes": [0]}, {"sizes": [19]}], ids=str)
def test_wrong_subsets(removal, choice):
    with pytest.raises(AttributionError, match="two sets or more"):
        subset_drops(removal, generator=np.random.default_rng(0), **choice)


def test_infidelity_of_the_weights_of_a_linear_model_is_zero(removal, terms):
    removed = random_removals(18, 40, np.random.default_rng(0))
    found = infidelity(removal, terms, removed)
    assert found.value == pytest.approx(0, abs=1e-12)
    assert found.scaled == pytest.approx(0, abs=1e-12)
    assert found.variance > 0.1


def test_infidelity_by_its_definition(removal):
    removed = random_removals(18, 40, np.random.default_rng(0))
    values = np.random.default_rng(1).normal(size=18)
    drops, sums = removal.drops(removed), removed @ values
    best = (sums @ drops) / (sums @ sums)
    found = infidelity(removal, values, removed)
    assert found.value == pytest.approx(np.mean((sums - drops) ** 2), rel=1e-9)
    assert found.scaled == pytest.approx(np.mean((best * sums - drops) ** 2), rel=1e-9)
    assert infidelity(removal, 7 * values, removed).scaled == pytest.approx(found.scaled)


def test_a_map_of_zeros_explains_nothing(removal):
    removed = random_removals(18, 10, np.random.default_rng(0))
    found = infidelity(removal, np.zeros(18), removed)
    assert found.value == found.scaled == pytest.approx(found.variance)


def test_random_removals_keep_to_their_shares():
    removed = random_removals(100, 50, np.random.default_rng(0), shares=(0.1, 0.3))
    sizes = removed.sum(1)
    assert sizes.min() >= 10 and sizes.max() <= 30 and len(set(sizes.tolist())) > 10


def test_max_sensitivity_of_known_maps(linear_clips):
    clip = linear_clips[0]

    def sensitivity(explain, radius=0.02):
        generator = torch.Generator().manual_seed(0)
        return max_sensitivity(explain, clip, radius=radius, samples=5, generator=generator)

    def summed(clip):
        return clip.sum(0).reshape(2, 2, 3, 2, 3, 2).sum((1, 3, 5)).numpy()

    assert sensitivity(lambda clip: np.ones((2, 3, 3))) == 0.0
    # Of a map that is linear in the clip, twice the noise moves it twice as far.
    assert sensitivity(summed, 0.04) == pytest.approx(2 * sensitivity(summed), rel=1e-9)
    noise = torch.rand(5, *clip.shape, generator=torch.Generator().manual_seed(0))
    moved = [summed(0.02 * (2 * one.double() - 1)) for one in noise]
    largest = max(np.linalg.norm(one) for one in moved) / np.linalg.norm(summed(clip))
    assert sensitivity(summed) == pytest.approx(largest, rel=1e-6)
