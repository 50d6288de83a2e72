"""Hidden states of a scan against the recurrence, one token after the other."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from analysis.ops.scan_states import ScanInputs

FIELDS = ("u", "delta", "A", "B", "C", "D", "delta_bias")


def random_scan(states=3, reverse=False, dtype=torch.float64, batch=2, channels=5, length=7):
    """A scan whose decays lie between a hundredth and one."""
    generator = torch.Generator().manual_seed(0)

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)

    return ScanInputs(
        u=normal(batch, channels, length),
        delta=normal(batch, channels, length),
        A=-torch.rand(channels, states, generator=generator, dtype=torch.float64).to(dtype),
        B=normal(batch, states, length),
        C=normal(batch, states, length),
        D=normal(channels),
        delta_bias=normal(channels),
        reverse=reverse,
    )


def plain_states(scan):
    """(B, L, E, N) by the recurrence of the Mamba-Adaptor specification, section 2."""
    batch, _, length = scan.u.shape
    step = F.softplus(scan.delta + scan.delta_bias[:, None])
    state = scan.u.new_zeros(batch, *scan.A.shape)
    states = scan.u.new_zeros(batch, length, *scan.A.shape)
    for i in reversed(range(length)) if scan.reverse else range(length):
        dt = step[:, :, i, None]
        state = torch.exp(dt * scan.A) * state + dt * scan.B[:, None, :, i] * scan.u[:, :, i, None]
        states[:, i] = state
    return states


@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "backward"])
@pytest.mark.parametrize("states", [1, 3])
@pytest.mark.parametrize(
    ("dtype", "atol"), [(torch.float64, 1e-12), (torch.float32, 1e-5)], ids=["f64", "f32"]
)
def test_states_their_mean_and_the_output(states, reverse, dtype, atol):
    scan = random_scan(states, reverse, dtype)
    expected = plain_states(random_scan(states, reverse))
    scan64 = random_scan(states, reverse)
    y = torch.einsum("blen,bnl->bel", expected, scan64.C) + scan64.D[:, None] * scan64.u
    for found, exact in (
        (scan.states(), expected),
        (scan.mean_state(), expected.mean(-1).transpose(1, 2)),
        (scan.output(), y),
    ):
        torch.testing.assert_close(found.double(), exact, rtol=0, atol=atol)


def test_states_of_some_channels():
    scan = random_scan(dtype=torch.float32)
    torch.testing.assert_close(
        scan.states(slice(1, 4)), scan.states()[:, :, 1:4], rtol=0, atol=1e-6
    )


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["f64", "f32"])
def test_gradients_of_the_states_are_those_of_the_recurrence(dtype):
    def gradients(dtype, states_of):
        scan = random_scan(dtype=dtype, reverse=True)
        leaves = {name: getattr(scan, name).clone().requires_grad_() for name in FIELDS}
        states_of(replace(scan, **leaves)).square().sum().backward()
        return {name: leaf.grad for name, leaf in leaves.items() if leaf.grad is not None}

    expected = gradients(torch.float64, plain_states)
    found = gradients(dtype, ScanInputs.states)
    assert found.keys() == expected.keys() == {"u", "delta", "A", "B", "delta_bias"}
    tolerance = 1e-10 if dtype == torch.float64 else 1e-4
    for name, gradient in found.items():
        torch.testing.assert_close(
            gradient.double(), expected[name], rtol=tolerance, atol=tolerance
        )
