"""The decay rate against models whose step size and A are set by hand."""

import math

import pytest
import torch

from analysis.models import create_model
from analysis.ops import scan_states
from analysis.tracing.decay_rate import recorded_decay_rate


def hooks_of(model) -> int:
    return sum(len(module._forward_hooks) for module in model.modules())


@pytest.fixture
def model():
    return create_model("videomamba_debug").eval()


@pytest.fixture
def clip():
    return torch.randn(2, 3, 4, 16, 16, generator=torch.Generator().manual_seed(0))


def test_constant_step_and_known_rates(model, clip):
    """dt = softplus(bias) everywhere; |A| is 1..N forward and 3 backward, so its mean is known."""
    for layer in model.layers:
        for suffix, bias in (("", 0.3), ("_b", -0.2)):
            torch.nn.init.zeros_(layer.mixer.get_submodule(f"dt_proj{suffix}").weight)
            torch.nn.init.constant_(layer.mixer.get_submodule(f"dt_proj{suffix}").bias, bias)
        torch.nn.init.constant_(layer.mixer.A_b_log, math.log(3))
    states = model.config.state_size
    forward = math.log1p(math.exp(0.3)) * (1 + states) / 2
    backward = math.log1p(math.exp(-0.2)) * 3
    with torch.no_grad(), recorded_decay_rate(model) as rate:
        model(clip)
    assert rate.per_token == pytest.approx((forward + backward) / 2, rel=1e-5)


def test_rate_is_the_mean_over_the_steps_that_the_scan_receives(model, clip, monkeypatch):
    """Against the arguments of the scan itself (the mixer keeps A in float32)."""
    rates = []

    def spying(u, delta, A, B, C, D, *, delta_bias, **settings):
        step = torch.nn.functional.softplus(delta + delta_bias[:, None])
        rates.append((step[:, :, None] * A.abs()[None, :, :, None]).mean().item())
        return original(u, delta, A, B, C, D, delta_bias=delta_bias, **settings)

    original = scan_states.selective_scan
    monkeypatch.setattr(scan_states, "selective_scan", spying)
    with torch.no_grad(), recorded_decay_rate(model.double()) as rate:
        model(clip.double())
    assert len(rates) == 2 * model.config.depth
    assert rate.per_token == pytest.approx(sum(rates) / len(rates), rel=1e-6)


def test_hooks_are_gone_afterwards_also_after_an_error(model, clip):
    with torch.no_grad(), recorded_decay_rate(model):
        model(clip)
        assert hooks_of(model) == 2 * model.config.depth
    assert hooks_of(model) == 0
    with pytest.raises(ValueError, match="clips of shape"), recorded_decay_rate(model):
        model(clip[:, :, :2])
    assert hooks_of(model) == 0


def test_nothing_recorded_is_an_error(model):
    with recorded_decay_rate(model) as rate, pytest.raises(RuntimeError, match="no scan"):
        _ = rate.per_token
