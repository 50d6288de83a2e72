"""Responses to impulses against the recurrence and against the dense formula, in float64."""

import pytest
import torch

from analysis.ops.impulse_responses import ImpulseResponses, place_impulses
from analysis.ops.selective_scan import use_implementation
from analysis.ops.selective_scan.naive import selective_scan


def scan_inputs(length, channels, states, fastest=1.0):
    generator = torch.Generator().manual_seed(0)

    def draw(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    delta = 0.1 * draw(length, channels).exp()
    return (
        delta,
        -fastest * draw(channels, states).exp(),
        draw(length, states),
        draw(length, states),
    )


def dense_alpha(delta, A, B, C):
    """(E, L, L) by the formula of hidden attention, receivers before sources."""
    elapsed = delta.cumsum(0)
    gaps = elapsed[:, None] - elapsed[None]
    decay = torch.exp(gaps[..., None].clamp(min=0) * A)
    alpha = torch.einsum("tn,tsen,se,sn->ets", C, decay, delta, B)
    return alpha.tril()


SHAPES = [(1, 1, 1), (7, 3, 2), (40, 70, 5), (33, 128, 4)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_unit_impulses_give_the_columns_of_hidden_attention(shape, dtype):
    inputs = scan_inputs(*shape)
    expected = dense_alpha(*inputs).permute(2, 1, 0)
    ones = torch.ones(shape[0], 1, shape[1], dtype=dtype)
    found = ImpulseResponses(*(x.to(dtype) for x in inputs))(torch.arange(shape[0]), ones)
    assert found.dtype == dtype
    tolerance = 2e-6 if dtype == torch.float32 else 1e-12
    torch.testing.assert_close(
        found.double(), expected, rtol=0, atol=tolerance * expected.abs().max()
    )
    before = torch.arange(shape[0])[:, None] > torch.arange(shape[0])
    assert not found[before].any()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_impulses_of_several_tokens_equal_a_scan_and_end_with_the_sequence(dtype):
    inputs = scan_inputs(20, 66, 4)
    generator = torch.Generator().manual_seed(1)
    impulses = torch.randn(5, 4, 66, generator=generator, dtype=torch.float64)
    starts = torch.tensor([19, 0, 17, 5, 16])
    u = torch.zeros(5, 20, 66, dtype=torch.float64)
    for i, start in enumerate(starts.tolist()):
        for k in range(min(4, 20 - start)):
            u[i, start + k] = impulses[i, k]
    assert torch.equal(place_impulses(impulses, starts, 20), u)
    delta, A, B, C = inputs
    tokens = (x.T.expand(5, -1, -1) for x in (delta,))
    expected = selective_scan(
        u.transpose(1, 2), *tokens, A, B.T.expand(5, -1, -1), C.T.expand(5, -1, -1)
    ).transpose(1, 2)
    found = ImpulseResponses(*(x.to(dtype) for x in inputs))(starts, impulses.to(dtype))
    tolerance = 2e-6 if dtype == torch.float32 else 1e-12
    torch.testing.assert_close(
        found.double(), expected, rtol=0, atol=tolerance * expected.abs().max()
    )


def test_states_that_have_faded_cost_nothing_and_leave_exact_zeros():
    delta, A, B, C = (x.float() for x in scan_inputs(200, 64, 4, fastest=200.0))
    found = ImpulseResponses(delta, A, B, C)(torch.tensor([0]), torch.ones(1, 1, 64))
    assert found[0, 0].any()
    assert not found[0, 100:].any()


def test_the_forced_implementation_decides():
    inputs = [x.float() for x in scan_inputs(30, 10, 3)]
    starts, ones = torch.arange(30), torch.ones(30, 1, 10)
    compiled = ImpulseResponses(*inputs)(starts, ones)
    with use_implementation("naive"):
        plain = ImpulseResponses(*inputs)(starts, ones)
    torch.testing.assert_close(compiled, plain, rtol=0, atol=1e-5)
    assert not torch.equal(compiled, plain)
