"""Reading between tokens, against values worked by hand and a plain loop."""

import pytest
import torch

from analysis.ops.memory_taps import bilinear_taps, linear_taps, weighted_tokens

F64 = torch.float64


@pytest.mark.parametrize(
    ("position", "last", "steps", "weights"),
    [
        (0.0, 4, (0, 1), (1, 0)),
        (2.25, 4, (2, 3), (0.75, 0.25)),
        (3.0, 4, (3, 4), (1, 0)),
        (4.0, 4, (3, 4), (0, 1)),
        (0.0, 0, (0, 0), (1, 0)),
        (0.5, 1, (0, 1), (0.5, 0.5)),
    ],
    ids=["first", "between", "on_a_step", "last", "one_token", "two_tokens"],
)
def test_linear_taps_by_hand(position, last, steps, weights):
    found, shares = linear_taps(torch.tensor(position), torch.tensor(float(last)))
    assert tuple(found.tolist()) == steps
    assert tuple(shares.tolist()) == weights


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ((0.0, 0.0), {0: 1}),
        ((0.5, 1.0), {1: 0.5, 4: 0.5}),
        ((1.25, 0.5), {3: 0.375, 4: 0.375, 6: 0.125, 7: 0.125}),
        ((-3.0, 9.0), {2: 1}),
        ((9.0, 0.5), {9: 0.5, 10: 0.5}),
    ],
    ids=["corner", "edge", "inside", "outside", "below"],
)
def test_bilinear_taps_on_four_by_three(place, expected):
    sites, weights = bilinear_taps(*(torch.tensor(x) for x in place), 4, 3)
    found = torch.zeros(12).index_add_(0, sites, weights)
    assert {i: w for i, w in enumerate(found.tolist()) if w} == pytest.approx(expected)


def test_weighted_tokens_equal_a_loop():
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randn(2, 5, 3, generator=generator, dtype=F64)
    weights = torch.randn(2, 4, 6, generator=generator, dtype=F64)
    index = torch.randint(0, 5, (2, 4, 6), generator=generator)
    found = weighted_tokens(tokens, index, weights)
    for b in range(2):
        for i in range(4):
            expected = sum(weights[b, i, j] * tokens[b, index[b, i, j]] for j in range(6))
            torch.testing.assert_close(found[b, i], expected)


def test_places_get_the_slope_between_their_tokens():
    """d hid~/dp = hid[lo + 1] - hid[lo] (Mamba-Adaptor specification, section 3.1)."""
    tokens = torch.randn(1, 6, 1, generator=torch.Generator().manual_seed(1), dtype=F64)
    position = torch.tensor([[[2.3]]], dtype=F64, requires_grad=True)
    index, weights = linear_taps(position[..., 0], torch.tensor(5, dtype=F64))
    weighted_tokens(tokens, index, weights).sum().backward()
    assert position.grad.item() == pytest.approx((tokens[0, 3] - tokens[0, 2]).item())


def test_gradients_of_weights_and_tokens():
    generator = torch.Generator().manual_seed(2)
    tokens = torch.randn(2, 4, 3, generator=generator, dtype=F64, requires_grad=True)
    weights = torch.randn(2, 4, 2, generator=generator, dtype=F64, requires_grad=True)
    index = torch.randint(0, 4, (2, 4, 2), generator=generator)
    assert torch.autograd.gradcheck(lambda t, w: weighted_tokens(t, index, w), (tokens, weights))
