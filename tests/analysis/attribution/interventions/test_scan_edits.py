"""Edits of one scan against numbers worked out by hand and against the dense matrix."""

from math import log

import pytest
import torch

from analysis.attribution.edited_pass import ScanInput
from analysis.attribution.interventions.scan_edits import (
    Knockout,
    PatchState,
    ScaleDelta,
    SwapDirections,
    SwitchOff,
)

ONE = torch.tensor(1.0, dtype=torch.float64)
STEP = log(2)  # with A = -1 every step halves the state


def scan_input(u, delta, A, B, C, D, positions=None, other=None) -> ScanInput:
    positions = torch.arange(u.shape[-1])[None] if positions is None else positions
    return ScanInput(0, "forward", positions, u, delta, A, B, C, D, other)


def halving_scan(batch: int = 1, positions=None) -> ScanInput:
    """Three tokens, one channel, one state: u = 1, B = C = 1, D = 0, decay 1/2 a step."""
    ones = torch.ones(batch, 1, 3, dtype=torch.float64)
    A, D = -torch.ones(1, 1, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
    return scan_input(ones.clone(), STEP * ones, A, ones, ones, D, positions)


def random_scan() -> ScanInput:
    generator = torch.Generator().manual_seed(3)

    def draw(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    length, channels, states = 7, 3, 2
    return scan_input(
        draw(1, channels, length),
        draw(1, channels, length).exp(),
        -draw(channels, states).exp(),
        draw(1, states, length),
        draw(1, states, length),
        draw(channels),
        positions=torch.randperm(length, generator=generator)[None],
    )


def dense_alpha(scan: ScanInput) -> torch.Tensor:
    """alpha (E, L, L) by its definition, in the order of the steps."""
    u, delta = scan.u[0], scan.delta[0]
    channels, length = u.shape
    alpha = torch.zeros(channels, length, length, dtype=torch.float64)
    for d in range(channels):
        for t in range(length):
            for s in range(t + 1):
                decay = torch.exp(scan.A[d] * delta[d, s + 1 : t + 1].sum())
                key = delta[d, s] * scan.B[0, :, s]
                alpha[d, t, s] = (scan.C[0, :, t] * decay * key).sum()
    return alpha


def tokens(*numbers: int, length: int = 3) -> torch.Tensor:
    chosen = torch.zeros(length, dtype=torch.bool)
    chosen[list(numbers)] = True
    return chosen


def test_knockout_by_hand():
    """y = ln 2 (1, 1 + 1/2, 1 + 1/2 + 1/4); without token 0 the last one loses its quarter."""
    edit = Knockout(sources=tokens(0), receivers=tokens(2))
    y = edit.edited(halving_scan(), ONE)[0, 0]
    torch.testing.assert_close(y, STEP * torch.tensor([1, 1.5, 1.5], dtype=torch.float64))


def test_knockout_finds_tokens_in_a_reversed_scan():
    """Read from the end, token 2 comes first and token 0 hears a quarter of it."""
    scan = halving_scan(positions=torch.tensor([[2, 1, 0]]))
    y = Knockout(sources=tokens(2), receivers=tokens(0)).edited(scan, ONE)[0, 0]
    torch.testing.assert_close(y, STEP * torch.tensor([1, 1.5, 1.5], dtype=torch.float64))


def test_knockout_takes_away_entries_of_the_dense_matrix():
    scan = random_scan()
    chosen = torch.rand(2, 7, generator=torch.Generator().manual_seed(0)) < 0.5
    alpha = dense_alpha(scan)
    in_steps = chosen[:, scan.positions[0]]
    kept = alpha * ~(in_steps[1][:, None] & in_steps[0][None, :])
    expected = torch.einsum("ets,es->et", kept, scan.u[0]) + scan.D[:, None] * scan.u[0]
    y = Knockout(sources=chosen[0], receivers=chosen[1]).edited(scan, ONE)[0]
    torch.testing.assert_close(y, expected)


def test_without_all_that_came_before_the_diagonal_and_the_skip_are_left():
    scan = random_scan()
    receiver = int(scan.positions[0, 5])
    before = tokens(*scan.positions[0, :5].tolist(), length=7)
    y = Knockout(sources=before, receivers=tokens(receiver, length=7)).edited(scan, ONE)[0, :, 5]
    diagonal = scan.delta[0, :, 5] * (scan.B[0, :, 5] @ scan.C[0, :, 5])
    torch.testing.assert_close(y, (diagonal + scan.D) * scan.u[0, :, 5])


def test_scaled_step_by_hand():
    """Twice the step at token 1 halves twice what was there and takes in twice as much."""
    y = ScaleDelta(tokens=tokens(1), factor=2.0).edited(halving_scan(), ONE)[0, 0]
    states = torch.tensor([1.0, 1 / 4 + 2, (1 / 4 + 2) / 2 + 1], dtype=torch.float64)
    torch.testing.assert_close(y, STEP * states)


def test_a_step_of_zero_passes_over_a_token():
    y = ScaleDelta(tokens=tokens(1), factor=0.0).edited(halving_scan(), ONE)[0, 0]
    torch.testing.assert_close(y, STEP * torch.tensor([1, 1, 1.5], dtype=torch.float64))


def test_patched_state_by_hand():
    """The other clip's u is 5: its state after token 0 is 5 ln 2, and fades by halves here."""
    scan = halving_scan(batch=2)
    scan.u[1] = 5.0
    edit = PatchState(other=torch.zeros(3, 1, 1, 1), token=0)
    y = edit.edited(scan, ONE)
    expected = STEP * torch.tensor([5, 5 / 2 + 1, 5 / 4 + 1 / 2 + 1], dtype=torch.float64)
    torch.testing.assert_close(y[0, 0], expected)
    torch.testing.assert_close(y[1, 0], 5 * halving_scan().scan()[0, 0])


@pytest.mark.parametrize("step", [0, 3, 6])
def test_patched_state_goes_on_as_the_recurrence(step):
    """Against the recurrence stepped by hand from the exchanged state."""
    one, two = random_scan(), random_scan()
    both = {
        name: torch.cat([getattr(one, name), getattr(two, name).roll(1, -1)])
        for name in ("u", "delta", "B", "C")
    }
    scan = scan_input(A=one.A, D=one.D, positions=one.positions, **both)
    states = torch.zeros(2, 3, 2, dtype=torch.float64)
    expected = []
    for t in range(7):
        decay = torch.exp(scan.delta[:, :, t, None] * scan.A)
        write = (scan.delta * scan.u)[:, :, t, None] * scan.B[:, None, :, t]
        states = decay * states + write
        if t == step:
            states[0] = states[1]
        expected.append((states[0] * scan.C[0, :, t]).sum(-1) + scan.D * scan.u[0, :, t])
    token = int(scan.positions[0, step])
    y = PatchState(other=torch.zeros(3, 1, 1, 1), token=token).edited(scan, ONE)[0]
    torch.testing.assert_close(y, torch.stack(expected, -1))


def test_switched_off_is_silence_and_half_strength_is_half():
    scan = random_scan()
    assert not SwitchOff().edited(scan, ONE).any()
    torch.testing.assert_close(SwitchOff().edited(scan, ONE / 2), scan.scan() / 2)


def test_swapped_reads_by_the_other_parameters():
    own = halving_scan()
    scan = scan_input(own.u, own.delta, own.A, own.B, own.C, own.D, other=halving_scan_twice)
    y = SwapDirections().edited(scan, ONE)
    torch.testing.assert_close(y, 2 * own.scan())


def halving_scan_twice() -> ScanInput:
    scan = halving_scan()
    return scan_input(2 * scan.u, scan.delta, scan.A, scan.B, scan.C, scan.D)
