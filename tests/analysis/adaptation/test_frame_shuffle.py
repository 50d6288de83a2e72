"""Frames in other orders: means cannot tell, scans can."""

import numpy as np
import pytest
import torch

from analysis.adaptation.errors import AdaptationError
from analysis.adaptation.frame_shuffle import frame_shuffle
from analysis.adaptation.moma_variants import without_scans


def shuffled(model, clip, seed: int = 5):
    return frame_shuffle(model, clip, np.random.default_rng(seed), shuffles=3)


def test_a_mean_over_frames_does_not_know_their_order_and_scans_do(speaking, small_clip):
    found = shuffled(speaking(), small_clip)
    assert found.orders[0] == (3, 2, 1, 0) and len(found.orders) == 4
    assert all(sorted(order) == [0, 1, 2, 3] != list(order) for order in found.orders)
    np.testing.assert_allclose(found.frozen_cosine, 1, atol=1e-12)
    assert (found.cosine < 1 - 1e-6).all()
    np.testing.assert_allclose(found.probabilities.sum(1), 1)

    windows = shuffled(without_scans(speaking()), small_clip)
    np.testing.assert_allclose(windows.cosine, 1, atol=1e-12)
    assert windows.turned == 0


def test_orders_come_from_the_generator_and_the_rest_from_the_clip(speaking, small_clip):
    model = speaking()
    first, second = (shuffled(model, small_clip) for _ in range(2))
    assert first.orders == second.orders
    np.testing.assert_array_equal(first.cosine, second.cosine)
    order = list(first.orders[2])
    with torch.no_grad():
        moved = model(small_clip[None, :, order])[0].softmax(0)
    np.testing.assert_allclose(first.probabilities[3], moved.numpy(), rtol=1e-9)


def test_one_frame_has_no_order(speaking, small_clip):
    with pytest.raises(AdaptationError, match="one frame"):
        shuffled(speaking(), small_clip[:, :1])
