"""Reach of a token: exact zeros outside its windows, and all of the clip with scans."""

import numpy as np
import pytest
import torch

from analysis.adaptation.errors import AdaptationError
from analysis.adaptation.moma_variants import without_scans
from analysis.adaptation.token_reach import PLACES, TokenReach, own_window, token_reach

TOKEN = (1, 2, 0)


def reach(model, clip) -> TokenReach:
    return token_reach(model, clip, TOKEN, torch.Generator().manual_seed(3))


def test_windows_only_reach_their_own_tokens_and_nothing_else(speaking, small_clip):
    found = reach(without_scans(speaking()), small_clip)
    window = own_window(2, (4, 4, 4), TOKEN)
    assert np.argwhere(window).tolist() == [[1, 2, 0], [1, 2, 1], [1, 3, 0], [1, 3, 1]]
    np.testing.assert_array_equal(found.values != 0, window)
    shares = found.shares(window)
    assert tuple(shares) == PLACES and sum(shares.values()) == pytest.approx(1)
    assert shares["own frame"] == shares["earlier frames"] == shares["later frames"] == 0


def test_scans_reach_every_token(speaking, small_clip):
    model = speaking()
    found = reach(model, small_clip)
    assert found.reached == 4 * 4 * 4
    assert min(found.shares(own_window(2, (4, 4, 4), TOKEN)).values()) > 0
    assert all(parameter.grad is None for parameter in model.parameters())


def test_a_scan_that_only_goes_forward_never_hears_of_what_comes_later(speaking, small_clip):
    model = speaking(scans=("spatial_first",), bidirectional=False)
    found = reach(model, small_clip)
    # In two layers windows carry what is behind it in its frame, and nothing carries later frames.
    np.testing.assert_array_equal(found.values[:2] != 0, True)
    np.testing.assert_array_equal(found.values[2:], 0)


def test_the_mean_over_signs_is_the_norm_of_the_jacobian(speaking, small_clip):
    """Against the whole Jacobian of a window's tokens, one backward pass a channel."""
    model = without_scans(speaking())
    steps = model.steps(small_clip[None].clone().requires_grad_())
    entering = next(steps).patches
    for step in steps:
        leaving = step.patches
    norm = 0.0
    for channel in leaving[(0, *TOKEN)]:
        (row,) = torch.autograd.grad(channel, entering, retain_graph=True)
        norm = norm + row[0].square().sum(-1)
    exact = norm.sqrt().numpy()
    draws = [
        token_reach(model, small_clip, TOKEN, torch.Generator().manual_seed(seed)).values ** 2
        for seed in range(20)
    ]
    np.testing.assert_allclose(np.sqrt(np.mean(draws, 0)), exact, rtol=0.15)


def test_a_token_that_is_not_there_is_refused(speaking, small_clip):
    with pytest.raises(AdaptationError, match="run from 0 to 3, 3, 3"):
        token_reach(speaking(), small_clip, (4, 0, 0), torch.Generator())
