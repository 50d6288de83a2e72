"""Deletion and insertion curves on models whose curves are known."""

import numpy as np
import pytest

from analysis.attribution.faithfulness.curves import (
    Curve,
    measured_curves,
    perturbation_curves,
    ranking,
)
from analysis.attribution.faithfulness.removal import Removal
from analysis.attribution.faithfulness.units import units_of
from analysis.attribution.method import AttributionError


def removal_of(model, clip, **choices):
    choices = {"score": "logit", **choices}
    return Removal(model, clip, 0, units_of("tubelets", model.token_grid), **choices)


def generator(seed=0):
    return np.random.default_rng(seed)


def test_areas_are_trapezoids():
    curve = Curve(np.array([0, 0.25, 1.0]), np.array([1.0, 0.5, 0.0]))
    assert curve.auc == pytest.approx(0.25 * 0.75 + 0.75 * 0.25)
    # Between 0.1 (0.8) and 0.9 (0.0667): the two trapezoids, over the width.
    expected = (0.15 * (0.8 + 0.5) / 2 + 0.65 * (0.5 + 0.5 * 0.1 / 0.75) / 2) / 0.8
    assert curve.auc_between(0.1, 0.9) == pytest.approx(expected)
    assert Curve(np.array([0, 0.5]), np.array([1.0, 0.5])).auc is None


def test_ranking_breaks_ties_at_random():
    first = [ranking(np.zeros(20), generator(seed))[0] for seed in range(40)]
    assert len(set(first)) > 10
    np.testing.assert_array_equal(ranking(np.array([1, 3, 2]), generator()), [1, 2, 0])


def test_deletion_of_a_linear_model_by_hand(linear_model, linear_clips):
    """With every unit a point, the curve is the bias plus the sum of the terms that are left."""
    clip = linear_clips[0]
    terms = linear_model.unit_terms(clip, 0)
    removal = removal_of(linear_model, clip)
    found = measured_curves(removal, terms, steps=18, generator=generator())
    falling = np.sort(terms.ravel())[::-1]
    left = np.append(falling[::-1].cumsum()[::-1], 0)
    np.testing.assert_allclose(found.most_first.scores, 0.3 + left, rtol=1e-9)
    np.testing.assert_allclose(found.most_first.shares, np.arange(19) / 18)
    assert found.complete
    assert found.most_first.auc < found.random.auc < found.least_first.auc
    assert found.gap == pytest.approx(found.least_first.auc - found.most_first.auc)


def test_insertion_with_the_same_baseline_mirrors_the_reverse_deletion(linear_model, linear_clips):
    terms = linear_model.unit_terms(linear_clips[0], 0)
    removal = removal_of(linear_model, linear_clips[0])
    choices = {"steps": 18, "generator": generator()}
    deletion = measured_curves(removal, terms, kind="deletion", **choices)
    insertion = measured_curves(removal, terms, kind="insertion", **choices)
    np.testing.assert_allclose(insertion.most_first.scores, deletion.least_first.scores[::-1])
    assert insertion.gap == pytest.approx(deletion.gap)


def test_a_page_sees_the_curves_grow(linear_model, linear_clips):
    removal = removal_of(linear_model, linear_clips[0], batch_size=10)
    terms = linear_model.unit_terms(linear_clips[0], 0)
    parts = list(perturbation_curves(removal, terms, steps=6, generator=generator()))
    points = [len(part.most_first.shares) for part in parts]
    assert points == [2, 4, 6, 7]
    assert [part.complete for part in parts] == [False, False, False, True]
    assert parts[0].gap is None and parts[0].most_first.auc is None
    np.testing.assert_array_equal(parts[1].random.scores, parts[-1].random.scores[:4])


def test_on_a_planted_tube_deletion_is_below_random_below_reverse(tube_model, linear_clips):
    clip = linear_clips[0].abs() + 0.1
    found = measured_curves(
        removal_of(tube_model, clip, score="probability"),
        tube_model.unit_terms(clip, 0),
        steps=18,
        random_rankings=5,
        generator=generator(),
    )
    assert found.most_first.auc < found.random.auc < found.least_first.auc
    # The two units of the tube are all there is: after them the model says one half.
    np.testing.assert_allclose(found.most_first.scores[2:], 0.5, atol=1e-9)


def test_frames_and_their_reverse(linear_model, linear_clips):
    units = units_of("frames", linear_model.token_grid)
    removal = Removal(linear_model, linear_clips[0], 0, units, score="logit")
    terms = linear_model.unit_terms(linear_clips[0], 0)
    found = measured_curves(removal, terms, generator=generator())
    assert found.units == "frames"
    np.testing.assert_allclose(found.most_first.shares, [0, 0.5, 1])
    lost = found.most_first.scores[0] - found.most_first.scores[1]
    assert lost == pytest.approx(terms.sum((1, 2)).max())


@pytest.mark.parametrize(
    "choice", [{"kind": "erosion"}, {"steps": 0}, {"random_rankings": 0}], ids=str
)
def test_wrong_choices(linear_model, linear_clips, choice):
    with pytest.raises(AttributionError):
        measured_curves(
            removal_of(linear_model, linear_clips[0]),
            np.zeros((2, 3, 3)),
            generator=generator(),
            **choice,
        )
