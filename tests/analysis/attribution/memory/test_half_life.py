"""Half-lives and retention where the answer is known: one step size throughout."""

import math
from dataclasses import replace

import pytest
import torch

from analysis.attribution.memory.half_life import (
    half_life,
    half_lives,
    path_half_life,
    retention_curve,
    steps_per_frame,
)
from analysis.layers.token_grid import TokenGrid

GRID = TokenGrid(3, 2, 3)


def test_a_state_is_halved_after_its_half_life():
    dt, A = torch.tensor([0.1, 2.0]), torch.tensor([-0.5, -3.0])
    torch.testing.assert_close(torch.exp(half_life(dt, A) * dt * A), torch.tensor([0.5, 0.5]))


def test_half_lives_of_one_step_size(constant_scan):
    """Rates 1, 2, 3 at dt 0.1: the median is ln 2 / 0.2."""
    found = half_lives(constant_scan(0.1, [1.0, 2.0, 3.0]), GRID)
    torch.testing.assert_close(found.by_token, torch.full((19,), math.log(2) / 0.2).double())
    expected = torch.tensor([1 / 0.3, 1 / 0.2, 1 / 0.1], dtype=torch.float64) * math.log(2)
    torch.testing.assert_close(found.quartiles, expected)
    assert found.median_frames == pytest.approx(math.log(2) / 0.2 / 6)


def test_the_path_half_life_of_one_step_size_is_the_other_rounded_up(constant_scan):
    scan = constant_scan(0.17)
    last = int(scan.positions[-1])
    expected = half_life(torch.tensor(0.17), scan.A).ceil()
    expected = torch.where(expected > 18, torch.inf, expected).float()
    torch.testing.assert_close(path_half_life(scan, last), expected)
    assert expected.isfinite().any()


@pytest.mark.parametrize("number", [0, 1], ids=["forward", "backward"])
@pytest.mark.parametrize("token", [0, 7, 18])
def test_the_path_half_life_by_its_definition(make_layer, number, token):
    scan = make_layer("spatiotemporal_v1").scans[number]
    step = int(scan.steps[token])
    S = scan.elapsed()
    found = path_half_life(scan, token)
    for channel in (0, 9):
        for state in range(3):
            rate = -scan.A[channel, state]
            faded = [rate * (S[step] - S[step - k])[channel] for k in range(step + 1)]
            reached = [k for k, value in enumerate(faded) if value >= math.log(2)]
            assert found[channel, state] == (reached[0] if reached else math.inf)


@pytest.mark.parametrize(
    ("order", "steps"),
    [("spatial_first", 196), ("temporal_first", 1), ("boustrophedon", 196), ("column_first", 196)],
)
def test_steps_per_frame_are_the_temporal_distances_of_the_orders(order, steps):
    """The oracle of the analysis spec, section 8, for 8 x 14 x 14."""
    assert steps_per_frame(order, TokenGrid(8, 14, 14)) == pytest.approx(steps)


def test_one_frame_has_no_half_life_in_frames(constant_scan):
    found = half_lives(constant_scan(0.1), TokenGrid(1, 3, 6))
    assert found.steps_per_frame is found.median_frames is None


def test_retention_starts_at_one_and_never_rises(make_layer):
    for scan in make_layer("spatiotemporal_v2").scans:
        curve = retention_curve(scan, range(10))
        assert curve.values[0] == 1
        assert (curve.values.diff() <= 0).all()
        assert curve.max_lag == 9


def test_retention_of_one_rate_is_exponential(constant_scan):
    """exp(-0.2 k): a half after 4 steps, a tenth after 12, a hundredth past 15."""
    curve = retention_curve(constant_scan(0.1, [2.0, 2.0, 2.0]), max_lag=15)
    torch.testing.assert_close(curve.values, torch.exp(-0.2 * curve.lags))
    assert curve.crossings == {0.5: 4, 0.1: 12, 0.01: None}


def test_retention_by_its_definition(make_layer):
    scan = make_layer().scans[1]
    S = scan.elapsed()
    aged = torch.stack([S[t] - S[t - 4] for t in range(9, 19)])
    expected = torch.exp(aged[:, :, None] * scan.A).mean()
    found = retention_curve(scan, [4], max_lag=9).values
    assert found.item() == pytest.approx(expected.item(), rel=1e-6)


def test_slow_and_fast_states(constant_scan):
    scan = constant_scan(0.1)
    slow = replace(scan, A=scan.A * 1e-6)
    assert set(retention_curve(slow).crossings.values()) == {None}
    assert set(retention_curve(replace(scan, A=scan.A * 1e6)).crossings.values()) == {1}


@pytest.mark.parametrize(("lags", "max_lag"), [([10], 9), ([0], 19), ([0], 0)])
def test_lags_that_do_not_fit(make_layer, lags, max_lag):
    with pytest.raises(ValueError, match="max_lag"):
        retention_curve(make_layer().scans[0], lags, max_lag=max_lag)
