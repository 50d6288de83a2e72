"""Losses against hand-worked values."""

import math

import pytest
import torch

from analysis.ops.adaptation_loss import adaptation_loss, distillation_loss

ACROSS = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
MIXED = torch.tensor([[0.0, 1.0], [0.6, 0.8]])


def double(x):
    return 2 * x


@pytest.mark.parametrize(
    ("embeddings", "frozen", "expected"),
    [
        (ACROSS, ACROSS, 0.0),
        (ACROSS, -ACROSS, 2.0),
        (ACROSS, ACROSS.flip(0), 1.0),
        (ACROSS, MIXED, (1 + 0.2) / 2),
    ],
    ids=["same", "opposite", "across", "mixed"],
)
def test_cosine(embeddings, frozen, expected):
    assert distillation_loss(embeddings, frozen).item() == pytest.approx(expected, abs=1e-6)


def test_kl_is_the_divergence_from_the_frozen_answer():
    found = distillation_loss(ACROSS, MIXED, "kl", double)
    expected = 0.0
    for ours, theirs in zip(ACROSS.tolist(), MIXED.tolist(), strict=True):
        q, p = ([math.exp(2 * v) for v in row] for row in (ours, theirs))
        q, p = [v / sum(q) for v in q], [v / sum(p) for v in p]
        expected += sum(b * math.log(b / a) for a, b in zip(q, p, strict=True)) / 2
    assert found.item() == pytest.approx(expected, rel=1e-6)
    assert distillation_loss(MIXED, MIXED, "kl", double).item() == pytest.approx(0, abs=1e-7)


@pytest.mark.parametrize("distill", ["cosine", "kl"])
def test_gradients_reach_the_model_and_not_the_frozen_one(distill):
    ours, theirs = ACROSS.clone().requires_grad_(), MIXED.clone().requires_grad_()
    distillation_loss(ours, theirs, distill, double).backward()
    assert ours.grad.any() and theirs.grad is None


@pytest.mark.parametrize(
    ("distill", "weight", "extra"), [("cosine", 1.0, 0.6), ("cosine", 0.5, 0.3), ("none", 1.0, 0.0)]
)
def test_both_together(distill, weight, extra):
    frozen = None if distill == "none" else MIXED
    found = adaptation_loss(ACROSS, frozen, torch.tensor([0, 0]), double, distill, weight)
    right, wrong = (-math.log(math.exp(x) / (math.exp(2) + 1)) for x in (2, 0))
    assert found.item() == pytest.approx((right + wrong) / 2 + extra, rel=1e-5)


@pytest.mark.parametrize(("distill", "classify"), [("mse", double), ("none", double), ("kl", None)])
def test_unknown_kinds_are_one_sentence(distill, classify):
    with pytest.raises(ValueError, match="unknown distillation"):
        distillation_loss(ACROSS, MIXED, distill, classify)
