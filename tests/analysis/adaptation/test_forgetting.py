"""Forgetting curves against the answers of the scan itself to single inputs."""

from dataclasses import replace

import pytest
import torch

from analysis.adaptation.adapted_layer import adapted_layer
from analysis.adaptation.adaptor_strength import adaptors_at
from analysis.adaptation.forgetting import forgetting_curves
from analysis.ops.memory_scan import memory_scan


@pytest.fixture(autouse=True, scope="module")
def small_tensors(one_thread):
    """All tests here run in one thread."""


def mean_answers(scan, gamma):
    """{distance: mean |output of i to a unit of s|}: places, coefficients, B, C, steps held."""
    length = scan.scan.u.shape[2]
    sums = torch.zeros(2 * length - 1, dtype=torch.float64)
    for source in range(length):
        unit = torch.zeros_like(scan.scan.u)
        unit[:, :, source] = 1
        inputs = replace(scan.scan, u=unit, D=torch.zeros_like(scan.scan.D))
        with torch.no_grad():
            answer = memory_scan(inputs, gamma, scan.chosen.index, scan.chosen.weights)
        for i, size in enumerate(answer[0].abs().mean(0)):
            sums[int(scan.steps[i] - scan.steps[source]) + length - 1] += size
    distances = torch.arange(-(length - 1), length)
    return sums / (length - distances.abs())


@pytest.mark.parametrize("fields", [{}, {"memory_range": "past"}], ids=["all", "past"])
def test_curves_are_the_mean_answers_to_single_inputs(adapted, recorded, fields):
    layer = adapted_layer(recorded(adapted(**fields)).records[1])
    for curves, scan in zip(forgetting_curves(layer, 10**6), layer.scans, strict=True):
        gamma = scan.adaptor.gamma.detach()
        plain = mean_answers(scan, torch.zeros_like(gamma))
        torch.testing.assert_close(curves.plain, plain, rtol=1e-6, atol=1e-12)
        torch.testing.assert_close(
            curves.with_memory, mean_answers(scan, gamma), rtol=1e-6, atol=1e-12
        )
        assert curves.channels == len(gamma)
        assert (curves.ahead_share > 0) == (not fields)


def test_few_channels_are_the_mean_of_few(adapted, recorded):
    layer = adapted_layer(recorded(adapted()).records[0])
    one = forgetting_curves(layer, 1)[0]
    assert one.channels == 1
    sole = replace(
        layer.scans[0].scan, **{
            name: getattr(layer.scans[0].scan, name)[:, :1] for name in ("u", "delta")
        }
    )  # fmt: skip
    sole = replace(sole, A=sole.A[:1], D=0 * sole.D[:1], delta_bias=sole.delta_bias[:1])
    first = replace(sole, u=torch.zeros_like(sole.u).index_fill(2, torch.tensor([0]), 1.0))
    with torch.no_grad():
        last = first.output()[0, 0, -1].abs()
    torch.testing.assert_close(one.plain[-1], last, rtol=1e-6, atol=1e-12)


def test_without_gamma_both_curves_are_one(adapted, recorded):
    model = adapted()
    with adaptors_at(model, 0):
        (curves, *_) = forgetting_curves(adapted_layer(recorded(model).records[0]))
    assert torch.equal(curves.plain, curves.with_memory)
    assert curves.ahead_share == 0
