"""Read-outs of tokens and paths against their definitions."""

from dataclasses import replace

import pytest
import torch

from analysis.attribution.memory.selectivity import path_shares, selectivity_maps, zoh_ratio
from analysis.tracing.scan_trace import DIRECTIONS


def test_maps_are_their_definitions(make_layer):
    layer = make_layer("spatiotemporal_v1")
    maps = selectivity_maps(layer)
    for number, scan in enumerate(layer.scans):
        q = scan.dt[:, :, None] * scan.A.abs()
        written = scan.dt[:, :, None] * scan.B[:, None] * scan.u[:, :, None]
        torch.testing.assert_close(maps.delta[number], scan.dt.mean(1))
        torch.testing.assert_close(maps.write[number], written.flatten(1).norm(dim=1))
        torch.testing.assert_close(maps.carry[number], torch.exp(-q).mean((1, 2)))
        torch.testing.assert_close(maps.read[number], scan.C.norm(dim=1))
        torch.testing.assert_close(maps.zoh_ratio[number], ((1 - torch.exp(-q)) / q).mean())
        spread = scan.dt.mean(1).std(correction=0) / scan.dt.mean()
        torch.testing.assert_close(maps.variation[number], spread)


def test_token_orders_of_a_direction_are_averaged(make_layer):
    layer = make_layer("spatiotemporal_v2")
    first, second = layer.direction("backward")
    expected = (first.dt.mean(1) + second.dt.mean(1)) / 2
    torch.testing.assert_close(selectivity_maps(layer).delta[1], expected)


def test_a_layer_with_one_step_size_is_not_selective(make_layer):
    layer = make_layer()
    flat = tuple(replace(scan, dt=torch.full_like(scan.dt, 0.3)) for scan in layer.scans)
    variation = selectivity_maps(replace(layer, scans=flat)).variation
    torch.testing.assert_close(variation, torch.zeros_like(variation), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("q", "ratio"), [(0.01, 0.995), (0.1, 0.952), (1.0, 0.632), (3.0, 0.317), (1e-9, 1.0)]
)
def test_exact_hold_over_the_published_one(q, ratio):
    """The figures of the analysis spec, section 1."""
    assert zoh_ratio(torch.tensor(q)).item() == pytest.approx(ratio, abs=5e-4)


def test_paths_are_their_definitions(make_layer):
    layer = make_layer("spatiotemporal_v1")
    shares = path_shares(layer)
    forward, backward = (layer.gate * layer.direction_output(name) for name in DIRECTIONS)
    skip = layer.gate * sum(scan.D * scan.u for scan in layer.scans)
    f, b = forward.square().sum(1), backward.square().sum(1)
    torch.testing.assert_close(shares.forward, f / (f + b))
    assert shares.forward_share == pytest.approx((f.sum() / (f + b).sum()).item())
    cosine = torch.cosine_similarity(forward.flatten(), backward.flatten(), dim=0)
    assert shares.cosine == pytest.approx(cosine.item())
    assert shares.skip_share == pytest.approx((skip.norm() / (forward + backward).norm()).item())
    torch.testing.assert_close(shares.skip, skip.norm(dim=1) / (forward + backward).norm(dim=1))
    torch.testing.assert_close(shares.gate, layer.gate.abs().mean(1))


def silent(scan):
    return replace(scan, y=torch.zeros_like(scan.y), u=torch.zeros_like(scan.u))


def test_a_silent_direction_has_no_share(make_layer):
    layer = make_layer()
    shares = path_shares(replace(layer, scans=(layer.scans[0], silent(layer.scans[1]))))
    assert (shares.forward_share, shares.cosine) == (1, 0)
    nothing = path_shares(replace(layer, scans=tuple(map(silent, layer.scans))))
    assert (nothing.forward_share, nothing.skip_share, nothing.cosine) == (0, 0, 0)


def test_with_the_skip_alone_its_share_is_one(make_layer):
    layer = make_layer()
    scans = tuple(replace(scan, y=scan.D * scan.u) for scan in layer.scans)
    assert path_shares(replace(layer, scans=scans)).skip_share == pytest.approx(1)
