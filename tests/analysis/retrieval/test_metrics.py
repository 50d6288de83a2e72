"""Ranks, recall and chance by hand."""

import numpy as np
import pytest
import torch

from analysis.retrieval.metrics import ranks, recall

SCORES = torch.tensor(
    [
        [0.9, 0.1, 0.5, 0.3],
        [0.9, 0.1, 0.5, 0.3],
        [0.2, 0.4, 0.4, 0.1],
        [-100.0, -100.0, 0.3, -100.0],
    ]
)


@pytest.mark.parametrize(
    ("truths", "expected"),
    [
        ([[0], [0], [0], [2]], [1, 1, 3, 1]),
        ([[1], [2], [3], [2]], [4, 2, 4, 1]),
        # Several right answers: the best counts, and the others are not in its way.
        ([[1, 2], [2, 3], [1, 2], [2, 0]], [2, 2, 1, 1]),
        # Wrong answers of the same score stand before.
        ([[0], [0], [1], [0]], [1, 1, 2, 4]),
    ],
    ids=["first", "later", "several", "ties"],
)
def test_ranks_by_hand(truths, expected):
    assert ranks(SCORES, truths).tolist() == expected


def test_recall_by_hand():
    scores = -torch.arange(12.0).repeat(4, 1)
    found = recall(scores, [[0], [3], [9], [11]])
    assert (found.queries, found.gallery) == (4, 12)
    assert found.recall_percent == {1: 25.0, 5: 50.0, 10: 75.0}
    # Ranks 1, 4, 10 and 12.
    assert found.median_rank == 7.0
    assert found.chance_percent == pytest.approx({1: 100 / 12, 5: 500 / 12, 10: 1000 / 12})


def test_a_model_that_tells_nothing_apart_finds_nothing():
    found = recall(torch.zeros(5, 20), [[i] for i in range(5)])
    assert found.recall_percent == {1: 0.0, 5: 0.0, 10: 0.0}
    assert found.median_rank == 20


def test_chance_is_what_random_scores_reach():
    generator = torch.Generator().manual_seed(0)
    truths = [list(range(1 + i % 3)) for i in range(6000)]
    found = recall(torch.rand(6000, 30, generator=generator), truths)
    for k, chance in found.chance_percent.items():
        # Four standard deviations of a share of a half.
        assert found.recall_percent[k] == pytest.approx(chance, abs=2.6)


def test_a_gallery_smaller_than_the_depth():
    found = recall(torch.rand(2, 3), [[0], [1, 2]])
    assert found.recall_percent[5] == found.chance_percent[10] == 100.0
    assert found.chance_percent[1] == pytest.approx(50.0)


def test_ranks_agree_with_sorting_where_no_scores_are_equal():
    generator = np.random.default_rng(0)
    scores = generator.permutation(600).reshape(20, 30).astype(np.float64)
    truths = [generator.choice(30, 2, replace=False).tolist() for _ in range(20)]
    expected = [
        1 + min(np.argsort(-row).tolist().index(right) for right in rights)
        for row, rights in zip(scores, truths, strict=True)
    ]
    assert ranks(torch.from_numpy(scores), truths).tolist() == expected


def test_bad_scores_are_one_sentence():
    with pytest.raises(ValueError, match="not finite"):
        ranks(torch.tensor([[float("nan"), 0.0]]), [[0]])
    with pytest.raises(ValueError, match="a query has no right answer"):
        ranks(torch.zeros(1, 2), [[]])
