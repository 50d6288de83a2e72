"""What training clips go through as a whole."""

import numpy as np
import pytest
import torch

from analysis.training.clip_feed import normalised
from analysis.training.errors import RecipeError
from analysis.training.listed.augmentation import Augmentation, erase_box

PLAIN = Augmentation(scale=(1.0, 1.0), aspect=(1.0, 1.0), flip=False, policy=None, erase=0.0)


@pytest.fixture
def frames():
    return np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3), np.uint8)


def test_with_everything_off_frames_are_only_normalised(frames):
    clip = PLAIN.apply(frames, 16, True, np.random.default_rng(0))
    torch.testing.assert_close(clip, normalised(frames[None])[0])


@pytest.mark.parametrize(
    ("flip", "allowed", "mirrors"),
    [(None, True, True), (None, False, False), (True, False, True), (False, True, False)],
)
def test_every_other_clip_is_mirrored_where_that_is_allowed(frames, flip, allowed, mirrors):
    options = Augmentation(scale=(1.0, 1.0), aspect=(1.0, 1.0), flip=flip, policy=None, erase=0)
    straight, mirrored = normalised(np.stack([frames, frames[:, :, ::-1]]))
    seen = {"straight": 0, "mirrored": 0}
    for seed in range(100):
        clip = options.apply(frames, 16, allowed, np.random.default_rng(seed))
        seen["straight"] += torch.equal(clip, straight)
        seen["mirrored"] += torch.equal(clip, mirrored)
    assert sum(seen.values()) == 100
    assert (30 < seen["mirrored"] < 70) if mirrors else seen["mirrored"] == 0


def test_erasing_fills_one_box_of_all_frames_with_noise():
    boxes = []
    for seed in range(200):
        clip = torch.full((3, 4, 40, 40), 9.0)
        erase_box(clip, np.random.default_rng(seed))
        erased = (clip != 9.0).all(0).all(0)
        rows, columns = erased.any(1).sum(), erased.any(0).sum()
        assert erased.sum() == rows * columns > 0
        assert ((clip != 9.0).sum() == 12 * erased.sum()).item()
        boxes.append(float(erased.sum()) / 1600)
    assert 0.01 < min(boxes) < 0.06
    assert 0.28 < max(boxes) < 0.36
    noise = clip[:, :, erased]
    assert abs(float(noise.mean())) < 0.2
    assert float(noise.std()) == pytest.approx(1.0, abs=0.1)


def test_a_quarter_of_clips_is_erased(frames):
    options = Augmentation(scale=(1.0, 1.0), aspect=(1.0, 1.0), flip=False, policy=None)
    plain = normalised(frames[None])[0]
    drawn = [options.apply(frames, 16, True, np.random.default_rng(seed)) for seed in range(200)]
    assert sum(not torch.equal(clip, plain) for clip in drawn) == pytest.approx(50, abs=20)


def test_a_clip_that_does_not_move_stays_still_but_for_noise(frames):
    still = np.repeat(frames[:1], 4, axis=0)
    options = Augmentation(erase=0.0)
    for seed in range(20):
        clip = options.apply(still, 24, True, np.random.default_rng(seed))
        assert clip.shape == (3, 4, 24, 24)
        assert (clip == clip[:, :1]).all()


@pytest.mark.parametrize(
    ("field", "value"),
    [("crop", "middle"), ("scale", (0.5, 2.0)), ("aspect", (2.0, 1.0)), ("erase", 1.5)],
)
def test_wrong_options(field, value):
    with pytest.raises(RecipeError, match=f"augmentation.{field} is "):
        Augmentation(**{field: value})


def test_a_wrong_policy_is_told_when_it_is_written_down():
    with pytest.raises(RecipeError, match="policy"):
        Augmentation(policy="rand-7")
