"""RandAugment: policy strings, single operations against arithmetic, one choice for all frames."""

import numpy as np
import pytest

from analysis.training.errors import RecipeError
from analysis.training.listed.rand_augment import (
    FILL,
    OPERATIONS,
    Change,
    RandAugment,
    apply_changes,
    draw_changes,
    parse_policy,
)


@pytest.fixture
def frames():
    return np.random.default_rng(0).integers(0, 256, (3, 20, 40, 3), np.uint8)


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        ("rand-m7-n4-mstd0.5-inc1", RandAugment(7.0, 4, 0.5, True)),
        ("rand-m5-n2-mstd0.25-inc1", RandAugment(5.0, 2, 0.25, True)),
        ("rand-m9", RandAugment(9.0, 2, 0.0, False)),
        ("rand-n3-p1.0-inc0", RandAugment(9.0, 3, 0.0, False, 1.0)),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_policy_strings(text, policy):
    assert parse_policy(text) == policy


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("auto-m7", 'policy "auto-m7" is not known; write one as rand-m7-n4-mstd0.5-inc1'),
        ("rand-q7", 'part "q7" of the policy "rand-q7" is not known; its parts are m, n, mstd'),
        ("rand-m", 'part "m" of the policy'),
        ("rand-m7.1.2", r'part "m7.1.2" of the policy'),
        ("rand-n2.5", 'part "n2.5" of the policy'),
        ("rand-m11", r"magnitude \(m\) is 11.0; it has to be from 0 to 10"),
        ("rand-n0", r"count \(n\) is 0; it has to be 1 or more"),
        ("rand-p2", r"probability \(p\) is 2.0; it has to be from 0 to 1"),
    ],
    ids=lambda value: value if value.startswith(("rand-", "auto-")) else "",
)
def test_wrong_policies_are_one_sentence(text, sentence):
    with pytest.raises(RecipeError, match=sentence) as caught:
        parse_policy(text)
    assert "\n" not in str(caught.value)


def _expected_enhanced(frames, towards, factor):
    mixed = towards + factor * (frames.astype(float) - towards)
    return np.clip(mixed, 0, 255)


@pytest.mark.parametrize(
    ("operation", "strength", "expected"),
    [
        ("invert", 0.5, lambda f: 255 - f),
        # 4 - int(4 * 0.5) bits are kept.
        ("posterize", 0.5, lambda f: f & 0b11000000),
        ("posterize", -0.8, lambda f: f & 0b10000000),
        # 256 - int(256 * 0.25) is the threshold.
        ("solarize", -0.25, lambda f: np.where(f < 192, f, 255 - f)),
        ("solarize_add", 0.5, lambda f: np.where(f < 128, np.minimum(f.astype(int) + 55, 255), f)),
        ("brightness", 0.5, lambda f: _expected_enhanced(f, 0, 1.45)),
        ("brightness", -0.5, lambda f: _expected_enhanced(f, 0, 0.55)),
        ("brightness", -1.0, lambda f: _expected_enhanced(f, 0, 0.1)),
    ],
    ids=lambda value: None if callable(value) else str(value),
)
def test_operations_against_arithmetic(frames, operation, strength, expected):
    changed = apply_changes(frames, (Change(operation, strength),), increasing=True)
    np.testing.assert_allclose(changed, np.floor(expected(frames)), atol=1)


def test_translation_moves_and_fills(frames):
    # 0.45 * 0.5 of 40 columns to the left.
    changed = apply_changes(frames, (Change("translate_x", 0.5),))
    np.testing.assert_array_equal(changed[:, :, :31], frames[:, :, 9:])
    assert (changed[:, :, 31:] == FILL).all()


def test_contrast_moves_away_from_the_mean_grey(frames):
    changed = apply_changes(frames, (Change("contrast", -0.5),))
    for frame, before in zip(changed, frames, strict=True):
        grey = round((before @ np.array([0.299, 0.587, 0.114])).mean())
        np.testing.assert_allclose(frame, _expected_enhanced(before, grey, 0.55), atol=1.5)


def test_without_inc_the_enhancing_operations_count_from_a_tenth(frames):
    changed = apply_changes(frames, (Change("brightness", 0.5),), increasing=False)
    np.testing.assert_allclose(changed, _expected_enhanced(frames, 0, 1.0), atol=1)
    changed = apply_changes(frames, (Change("posterize", 0.5),), increasing=False)
    np.testing.assert_array_equal(changed, frames & 0b11000000)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_all_frames_of_a_clip_are_changed_alike(frames, operation):
    # Without black and white, so that there is contrast to be gained.
    still = np.repeat(frames[:1] // 2 + 40, 4, axis=0)
    changed = apply_changes(still, (Change(operation, 0.7),))
    assert changed.shape == still.shape
    assert changed.dtype == np.uint8
    assert (changed == changed[0]).all()
    assert (changed != still).any()


def test_draws_follow_the_policy():
    policy = parse_policy("rand-m7-n4-mstd0.5-inc1")
    generator = np.random.default_rng(0)
    drawn = [draw_changes(policy, generator) for _ in range(2000)]
    changes = [change for some in drawn for change in some]
    assert len(changes) / 2000 == pytest.approx(4 * 0.5, abs=0.1)
    assert {change.operation for change in changes} == set(OPERATIONS)
    strengths = np.array([change.strength for change in changes])
    assert np.abs(strengths).mean() == pytest.approx(0.7, abs=0.01)
    assert np.abs(strengths).std() == pytest.approx(0.05, abs=0.01)
    assert (strengths > 0).mean() == pytest.approx(0.5, abs=0.05)


def test_draws_depend_on_the_generator_alone():
    policy = parse_policy("rand-m7-n4-mstd0.5-inc1")
    first, again = (draw_changes(policy, np.random.default_rng([1, 2])) for _ in range(2))
    assert first == again
    assert first != draw_changes(policy, np.random.default_rng([1, 3]))
