"""Divergence and rank agreement against hand-worked values and SciPy."""

import math

import numpy as np
import pytest
import torch
from scipy.spatial.distance import jensenshannon
from scipy.stats import spearmanr

from analysis.scan_comparison.divergence import jensen_shannon_bits, rank_agreement


@pytest.mark.parametrize(
    ("p", "q", "bits"),
    [
        ([0.5, 0.5], [0.5, 0.5], 0.0),
        ([1.0, 0.0], [0.0, 1.0], 1.0),
        ([1.0, 0.0, 0.0], [0.5, 0.5, 0.0], 0.75 * math.log2(4 / 3) + 0.25 * math.log2(4) - 0.5),
        # H(m) - (H(p) + H(q)) / 2 with m = (3/4, 1/4): H(p) = 0, H(q) = 1
    ],
    ids=["equal", "disjoint", "half shared"],
)
def test_divergence_by_hand(p, q, bits):
    assert jensen_shannon_bits(torch.tensor(p), torch.tensor(q)) == pytest.approx(bits, abs=1e-12)


@pytest.mark.parametrize("classes", [2, 9, 400])
def test_divergence_is_scipys_squared_distance(classes):
    p, q = np.random.default_rng(classes).dirichlet(np.full(classes, 0.3), size=2)
    ours = jensen_shannon_bits(torch.from_numpy(p), torch.from_numpy(q))
    assert ours == pytest.approx(jensenshannon(p, q, base=2) ** 2, rel=1e-9)
    assert ours == jensen_shannon_bits(torch.from_numpy(q), torch.from_numpy(p))


@pytest.mark.parametrize("tied", [False, True])
def test_rank_agreement_is_scipys_spearman(tied):
    p, q = np.random.default_rng(3).normal(size=(2, 50))
    if tied:
        p, q = p.round(), q.round()
    ours = rank_agreement(torch.from_numpy(p), torch.from_numpy(q))
    assert ours == pytest.approx(spearmanr(p, q).statistic, rel=1e-9)


@pytest.mark.parametrize(
    ("p", "q", "expected"),
    [
        ([0.1, 0.2, 0.7], [0.3, 0.4, 0.5], 1.0),
        ([0.1, 0.2, 0.7], [0.5, 0.4, 0.3], -1.0),
        ([0.5, 0.5], [0.5, 0.5], 1.0),
        ([0.5, 0.5], [0.3, 0.7], 0.0),
        ([1.0], [1.0], 1.0),
    ],
    ids=["same ranks", "reversed", "both flat", "one flat", "single class"],
)
def test_rank_agreement_at_its_ends(p, q, expected):
    assert rank_agreement(torch.tensor(p), torch.tensor(q)) == expected
