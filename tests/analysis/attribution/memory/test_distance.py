"""Attention distance against dense weights and where the weights are known."""

from dataclasses import replace

import pytest
import torch

from analysis.attribution.exact.rows import hidden_attention_row
from analysis.attribution.memory.distance import attention_distance
from analysis.tracing.token_positions import token_index, token_position


def test_by_definition(make_layer):
    """Receivers and sources placed one by one, weights of each channel on their own."""
    layer = make_layer("spatiotemporal_v1")
    for scan in layer.scans:
        found = attention_distance(scan, layer.grid)
        for query, distances in zip(found.queries.tolist(), found.by_query, strict=True):
            step = int(scan.steps[query])
            weights = hidden_attention_row(scan, step).abs()
            here = token_position(layer.grid, query)
            sums, patch_mass, mass = torch.zeros(3, scan.x.shape[1]).double(), 0, 0
            for source_step in range(step + 1):
                weight = weights[source_step]
                there = token_position(layer.grid, int(scan.positions[source_step]))
                sums[0] += weight * (step - source_step)
                mass = mass + weight
                if here and there:
                    sums[1] += weight * (abs(here[1] - there[1]) + abs(here[2] - there[2]))
                    sums[2] += weight * abs(here[0] - there[0])
                    patch_mass = patch_mass + weight
            assert distances[0].item() == pytest.approx((sums[0] / mass).mean().item())
            if here:
                expected = (sums[1:] / patch_mass).mean(1)
                torch.testing.assert_close(distances[1:], expected)


def test_a_state_that_forgets_at_once_looks_at_itself(make_layer):
    layer = make_layer()
    scan = replace(layer.scans[0], A=layer.scans[0].A * 1e6)
    found = attention_distance(scan, layer.grid)
    assert (found.tokens, found.patches, found.frames) == (0, 0, 0)


def test_a_state_that_keeps_everything_alike(make_layer):
    """Equal weights on all before: the last patch of 3 x 2 x 3 stands 9 steps back on average."""
    layer = make_layer()
    scan = layer.scans[0]
    scan = replace(
        scan,
        A=scan.A * 1e-12,
        dt=torch.ones_like(scan.dt),
        B=torch.ones_like(scan.B),
        C=torch.ones_like(scan.C),
    )
    found = attention_distance(scan, layer.grid, torch.tensor([token_index(layer.grid, 2, 1, 2)]))
    assert found.tokens == pytest.approx(sum(range(19)) / 19)
    assert found.frames == pytest.approx((0 + 1 + 2) / 3)
    assert found.patches == pytest.approx((0 + 1 + 2 + 1 + 2 + 3) / 6)


def test_how_many_receivers(make_layer):
    layer = make_layer()
    assert attention_distance(layer.scans[1], layer.grid).queries.sort().values.tolist() == [
        *range(19)
    ]
