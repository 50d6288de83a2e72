"""Scores on contributions small enough to work out by hand."""

import pytest
import torch

from analysis.attribution.exact.scores import SCORES, SIGNED_SCORES, scores

# Two sources of one output (3, 4), and a bias of (-1, 0) that completes it.
PARTS = torch.tensor([[3.0, 0.0], [1.0, 4.0]])
TOTAL = torch.tensor([3.0, 4.0])


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("l2_norm", [3, 17**0.5]),
        ("l1_norm", [3, 5]),
        ("signed_share", [9 / 25, (3 + 16) / 25]),
        # 7 - |(0, 4)| = 3 and 7 - |(2, 0)| = 5
        ("alti", [3 / 8, 5 / 8]),
        ("logit_share", [3 * 2, 1 * 2 + 4 * -1]),
    ],
)
def test_by_hand(kind, expected):
    found = scores(PARTS, TOTAL, kind, torch.tensor([2.0, -1.0]))
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float32))


def test_alti_does_not_reward_what_leads_away():
    parts = torch.tensor([[-1.0, -1.0], [4.0, 5.0]])
    assert scores(parts, TOTAL, "alti").tolist() == [0, 1]


def test_an_output_of_zero_has_shares_of_zero():
    for kind in ("signed_share", "alti"):
        assert scores(torch.ones(2, 2), torch.zeros(2), kind).abs().sum() == 0


def test_every_score_says_what_it_is():
    assert set(SCORES) > SIGNED_SCORES
    with pytest.raises(ValueError, match="choose l2_norm"):
        scores(PARTS, TOTAL, "l3")
    with pytest.raises(ValueError, match="needs the direction"):
        scores(PARTS, TOTAL, "logit_share")
