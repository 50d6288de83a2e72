"""The losses of joint pretraining by hand."""

import math

import pytest
import torch

from analysis.ops.video_text import (
    NO_TARGET,
    contrastive_loss,
    hard_negatives,
    mask_words,
    matching_loss,
    similarity,
    word_loss,
)

SIMILARITIES = torch.tensor([[0.9, 0.1, 0.3], [0.2, 0.5, 0.4], [0.0, 0.6, 0.7]]).double()


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_similarity_by_hand():
    videos = torch.tensor([[[1.0, 0.0], [0.0, 1.0]], [[0.6, 0.8], [0.6, 0.8]]])
    texts = torch.tensor([[1.0, 0.0], [0.0, -1.0], [0.8, 0.6]])
    expected = torch.tensor([[0.5, -0.5, 0.7], [0.6, -0.8, 0.96]])
    torch.testing.assert_close(similarity(videos, texts), expected)
    assert similarity(videos.bfloat16(), texts.bfloat16()).dtype == torch.float32


def by_hand(similarities, temperature, groups):
    """Row by row and column by column, in plain arithmetic."""
    logits = [[float(value) / temperature for value in row] for row in similarities]
    columns = [list(column) for column in zip(*logits, strict=True)]
    total = 0.0
    for rows in (logits, columns):
        for i, row in enumerate(rows):
            log_total = math.log(sum(map(math.exp, row)))
            same = [j for j in range(len(row)) if groups[i] == groups[j]]
            total -= sum(row[j] - log_total for j in same) / len(same) / len(row)
    return total / 2


@pytest.mark.parametrize("groups", [(0, 1, 2), (5, 7, 5), (1, 1, 1)], ids=str)
@pytest.mark.parametrize("temperature", [1.0, 0.07])
def test_contrastive_loss_by_hand(groups, temperature):
    identities = None if groups == (0, 1, 2) else torch.tensor(groups)
    found = contrastive_loss(SIMILARITIES, temperature, identities)
    assert found.item() == pytest.approx(by_hand(SIMILARITIES, temperature, groups), rel=1e-12)


def test_contrastive_loss_has_the_gradients_of_finite_differences():
    similarities = SIMILARITIES.clone().requires_grad_()
    temperature = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    identities = torch.tensor([0, 1, 0])
    assert torch.autograd.gradcheck(
        lambda s, t: contrastive_loss(s, t, identities), (similarities, temperature)
    )


def test_negatives_are_drawn_in_proportion():
    """Of many draws, shares as the softmax over the others says, and never the pair itself."""
    temperature, draws = 0.5, 1000
    counts = {"videos": torch.zeros(3, 3), "texts": torch.zeros(3, 3)}
    source = generator()
    for _ in range(draws):
        negatives = hard_negatives(SIMILARITIES, temperature, source)
        for kind, count in counts.items():
            count[torch.arange(3), getattr(negatives, kind)] += 1
    for kind, rows in (("texts", SIMILARITIES), ("videos", SIMILARITIES.T)):
        weights = (rows / temperature).exp().fill_diagonal_(0).float()
        expected = weights / weights.sum(1, keepdim=True)
        assert not counts[kind].diagonal().any()
        # Three standard deviations of a share of 1/2 in 1000 draws.
        torch.testing.assert_close(counts[kind] / draws, expected, rtol=0, atol=0.048)


def test_negatives_belong_to_no_one_of_their_group():
    identities = torch.tensor([4, 4, 2, 2, 4, 9])
    similarities = torch.rand(6, 6, generator=generator(1))
    source = generator(2)
    for _ in range(50):
        negatives = hard_negatives(similarities, 0.01, source, identities)
        assert (identities[negatives.videos] != identities).all()
        assert (identities[negatives.texts] != identities).all()


def test_negatives_are_there_when_the_model_is_sure():
    """Weights of the others are too small for float32 beside the pair's, not beside each other."""
    similarities = torch.eye(4) * 2 - 1
    similarities[0, 3] = -0.9
    negatives = hard_negatives(similarities, 0.001, generator())
    assert negatives.texts[0] == 3
    assert (negatives.texts != torch.arange(4)).all()


def test_a_seed_decides_negatives():
    first, again, other = (hard_negatives(SIMILARITIES, 1.0, generator(s)) for s in (0, 0, 5))
    assert torch.equal(first.videos, again.videos)
    assert torch.equal(first.texts, again.texts)
    assert not (torch.equal(first.videos, other.videos) and torch.equal(first.texts, other.texts))


def test_a_batch_of_one_kind_has_no_negatives():
    with pytest.raises(ValueError, match="all belong together has no negatives"):
        hard_negatives(SIMILARITIES, 1.0, generator(), torch.tensor([1, 1, 1]))


def test_matching_loss_by_hand():
    logits = torch.tensor([[0.0, 2.0], [1.0, 1.0], [3.0, 0.0]], dtype=torch.float64)
    expected = (math.log(1 + math.exp(-2)) + math.log(2) + math.log(1 + math.exp(-3))) / 3
    assert matching_loss(logits).item() == pytest.approx(expected, rel=1e-6)


TOKENS = torch.arange(4 * 5000).view(4, 5000) % 97
KEEP = TOKENS % 10 == 0


@pytest.fixture(scope="module")
def masked():
    return mask_words(TOKENS, KEEP, 0.5, mask_token=97, vocabulary_size=98, generator=generator())


def test_half_of_the_words_that_may_be_are_chosen(masked):
    chosen = masked.targets != NO_TARGET
    assert not chosen[KEEP].any()
    assert chosen[~KEEP].float().mean().item() == pytest.approx(0.5, abs=0.015)
    assert torch.equal(masked.targets[chosen], TOKENS[chosen])


def test_eight_of_ten_become_the_mask_and_one_another_word(masked):
    chosen = masked.targets != NO_TARGET
    assert torch.equal(masked.tokens[~chosen], TOKENS[~chosen])
    shown, words = masked.tokens[chosen], TOKENS[chosen]
    blank, same = shown == 97, shown == words
    # One in 98 random words is the mask, one the word itself.
    assert blank.float().mean().item() == pytest.approx(0.801, abs=0.015)
    assert same.float().mean().item() == pytest.approx(0.101, abs=0.01)
    others = shown[~blank & ~same]
    assert others.bincount(minlength=97).min() >= 1


def test_a_seed_decides_which_words(masked):
    again = mask_words(TOKENS, KEEP, 0.5, 97, 98, generator())
    assert torch.equal(again.tokens, masked.tokens)
    other = mask_words(TOKENS, KEEP, 0.5, 97, 98, generator(1))
    assert not torch.equal(other.tokens, masked.tokens)
    nothing = mask_words(TOKENS, KEEP, 0.0, 97, 98, generator())
    assert torch.equal(nothing.tokens, TOKENS)
    assert (nothing.targets == NO_TARGET).all()


def test_word_loss_by_hand():
    logits = torch.tensor([[[0.0, 1.0, 0.0], [5.0, 5.0, 5.0], [2.0, 0.0, 0.0]]])
    targets = torch.tensor([[1, NO_TARGET, 2]])
    expected = (math.log(2 + math.e) - 1 + math.log(math.exp(2) + 2)) / 2
    assert word_loss(logits, targets).item() == pytest.approx(expected, rel=1e-6)


def test_nothing_to_guess_costs_nothing():
    logits = torch.randn(1, 3, 4, requires_grad=True)
    loss = word_loss(logits, torch.full((1, 3), NO_TARGET))
    loss.backward()
    assert loss.item() == 0
    assert not logits.grad.any()
