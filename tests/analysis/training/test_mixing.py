"""Mixup and CutMix against what they are defined to be."""

import numpy as np
import pytest
import torch

from analysis.training.errors import RecipeError, TrainingError
from analysis.training.mixing import Mixing, cut_mixed, soft_targets
from analysis.training.source import Batch

CLASSES = 5


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    clips = torch.randn(4, 3, 2, 20, 30, generator=generator)
    return Batch(clips, torch.tensor([0, 3, 4, 4]))


def one_hot(batch, smoothing=0.0):
    hot = np.full((len(batch), CLASSES), smoothing / CLASSES)
    hot[np.arange(len(batch)), batch.targets] += 1 - smoothing
    return hot


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(
    "mixing",
    [Mixing(), Mixing(cutmix=0.0), Mixing(mixup=0.0), Mixing(share=0.5), Mixing(0.0, 0.0)],
    ids=["both", "mixup", "cutmix", "half of the batches", "smoothing alone"],
)
def test_targets_sum_to_one_and_inputs_stay_as_they_are(batch, mixing, seed):
    before = batch.clips.clone()
    mixed = mixing.apply(batch, CLASSES, np.random.default_rng(seed))
    assert mixed.clips.shape == batch.clips.shape
    assert mixed.targets.shape == (4, CLASSES)
    torch.testing.assert_close(mixed.targets.sum(1), torch.ones(4))
    assert torch.equal(batch.clips, before)
    # Clip i and clip B - 1 - i get the same two labels with shares the other way round.
    outer = (mixed.targets[0] + mixed.targets[3]).numpy()
    expected = one_hot(batch, 0.1)
    np.testing.assert_allclose(outer, expected[0] + expected[3], atol=1e-6)


@pytest.mark.parametrize(
    "mixing", [Mixing(share=0.0), Mixing(0.0, 0.0)], ids=["share", "both alphas"]
)
def test_unmixed_batches_only_have_smoothed_targets(batch, mixing):
    mixed = mixing.apply(batch, CLASSES, np.random.default_rng(0))
    assert torch.equal(mixed.clips, batch.clips)
    np.testing.assert_allclose(mixed.targets, one_hot(batch, 0.1), atol=1e-6)


def test_smoothing_is_that_of_cross_entropy(batch):
    logits = torch.randn(4, CLASSES, generator=torch.Generator().manual_seed(1))
    soft = soft_targets(batch.targets, CLASSES, 1.0, 0.1)
    torch.testing.assert_close(
        torch.nn.functional.cross_entropy(logits, soft),
        torch.nn.functional.cross_entropy(logits, batch.targets, label_smoothing=0.1),
    )


@pytest.mark.parametrize("seed", range(5))
def test_mixup_blends_pixels_with_the_shares_of_the_targets(batch, seed):
    mixing = Mixing(cutmix=0.0, label_smoothing=0.0)
    mixed = mixing.apply(batch, CLASSES, np.random.default_rng(seed))
    share = float(mixed.targets[0, 0])
    assert 0 < share < 1
    expected = share * batch.clips + (1 - share) * batch.clips.flip(0)
    torch.testing.assert_close(mixed.clips, expected)
    # Clips 1 and 2 are of different classes, each with what the other lacks.
    assert mixed.targets[1].tolist() == pytest.approx([0, 0, 0, share, 1 - share])


@pytest.mark.parametrize("seed", range(20))
def test_the_box_of_cutmix_has_the_area_that_the_targets_say(batch, seed):
    mixing = Mixing(mixup=0.0, label_smoothing=0.0)
    mixed = mixing.apply(batch, CLASSES, np.random.default_rng(seed))
    taken = (mixed.clips != batch.clips)[0].all(0).all(0)
    rows, columns = taken.any(1).sum(), taken.any(0).sum()
    assert taken.sum() == rows * columns
    assert float(mixed.targets[0, 4]) == pytest.approx(float(taken.float().mean()), abs=1e-6)
    inside = taken.expand_as(batch.clips)
    assert torch.equal(mixed.clips[inside], batch.clips.flip(0)[inside])
    assert torch.equal(mixed.clips[~inside], batch.clips[~inside])


@pytest.mark.parametrize(("share", "left"), [(1.0, 1.0), (0.0, None)], ids=["nothing", "all"])
def test_cutmix_at_its_ends(batch, share, left):
    mixed, kept = cut_mixed(batch.clips, share, np.random.default_rng(0))
    if left is not None:
        assert kept == left
        assert torch.equal(mixed, batch.clips)
    else:
        # The box is as large as the frame, but centred anywhere.
        assert 0 <= kept <= 0.75


def test_shares_follow_the_beta_distributions(batch):
    one = Mixing(mixup=0.8, cutmix=0.0, label_smoothing=0.0)
    drawn = [one.apply(batch, CLASSES, np.random.default_rng(s)).targets[0, 0] for s in range(600)]
    # Var of Beta(a, a) is 1 / (4 (2 a + 1)).
    assert float(np.mean(drawn)) == pytest.approx(0.5, abs=0.05)
    assert float(np.var(drawn)) == pytest.approx(1 / (4 * 2.6), rel=0.1)


def test_half_of_the_batches_is_cut(batch):
    blended = 0
    for seed in range(300):
        mixed = Mixing().apply(batch, CLASSES, np.random.default_rng(seed)).clips
        own = mixed == batch.clips
        opposite = mixed == batch.clips.flip(0)
        blended += not (own | opposite).all().item()
    assert blended == pytest.approx(150, abs=35)


def test_images_are_mixed_too():
    batch = Batch(torch.randn(2, 3, 8, 8), torch.tensor([0, 1]))
    mixed = Mixing().apply(batch, 2, np.random.default_rng(0))
    assert mixed.clips.shape == (2, 3, 8, 8)


@pytest.mark.parametrize("targets", [torch.rand(4, 1), torch.rand(4, 5)], ids=["values", "mixed"])
def test_values_cannot_be_mixed(batch, targets):
    with pytest.raises(TrainingError, match="instead of class numbers"):
        Mixing().apply(Batch(batch.clips, targets), CLASSES, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("mixup", -1.0),
        ("cutmix", -0.1),
        ("share", 1.5),
        ("cutmix_share", -0.5),
        ("label_smoothing", 1.0),
    ],
)
def test_wrong_options(field, value):
    with pytest.raises(RecipeError, match=f"mixing.{field} is {value}"):
        Mixing(**{field: value})
