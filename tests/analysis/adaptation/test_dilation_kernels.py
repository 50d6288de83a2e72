"""Kernels of Adaptor-S by scale: sums over taps, and the places they meet."""

import pytest
import torch

from analysis.adaptation.adaptor_fields import VARIANTS, adaptor_fields
from analysis.adaptation.dilation_kernels import dilation_kernels, footprint
from analysis.attribution.memory.receptive_field import receptive_field
from analysis.layers.adaptor_config import AdaptorConfig
from analysis.layers.adaptor_s import AdaptorS


@pytest.fixture(autouse=True, scope="module")
def small_tensors(one_thread):
    """All tests here run in one thread."""


def filled(**fields):
    adaptor = AdaptorS(4, AdaptorConfig(usage="backbone", **fields)).double()
    generator = torch.Generator().manual_seed(0)
    for kernel in adaptor.kernels:
        kernel.data = torch.randn(kernel.shape, generator=generator, dtype=torch.float64)
    return adaptor


@pytest.mark.parametrize("kernel", ["2d", "3d"])
@pytest.mark.parametrize("branches", ["sum", "split"])
def test_energy_is_the_sum_of_squares_of_all_taps(kernel, branches):
    adaptor = filled(kernel=kernel, branches=branches)
    for scale, own in zip(dilation_kernels(adaptor, most=2), adaptor.kernels, strict=True):
        by_channel = [sum(tap * tap for tap in one.flatten().tolist()) for one in own]
        assert scale.energy == pytest.approx(sum(by_channel))
        assert scale.channels[0] == max(range(len(own)), key=by_channel.__getitem__)
        assert len(scale.channels) == min(2, len(own))
        torch.testing.assert_close(scale.strongest[0], own.detach()[scale.channels[0], 0].sum(0))
        frames = own.shape[2]
        assert scale.size.square().sum() * len(own) * frames == pytest.approx(scale.energy)


def test_all_scales_meet_25_places_of_7_by_7():
    """Of all-one kernels with dilations 1, 2, 3 (specification, section 4); thrice the middle."""
    adaptor = AdaptorS(3, AdaptorConfig())
    for kernel in adaptor.kernels:
        kernel.data.fill_(1.0)
    met = footprint(dilation_kernels(adaptor))
    assert met.shape == (7, 7)
    assert int((met > 0).sum()) == 25
    assert met[3, 3] == pytest.approx(3**0.5)
    assert met[0, 0] == met[0, 3] == met[2, 2] == 1 and met[0, 1] == 0


def test_fields_of_the_host_and_of_each_kind(adapted, adapted_clip):
    """Without adaptors it is the host's; turned to zero all four are."""
    model, host = adapted(), adapted(adaptor_t=False, adaptor_s=False)
    host.load_state_dict({k: v for k, v in model.state_dict().items() if k in host.state_dict()})
    expected = receptive_field(host, [adapted_clip], 6).pixels
    fields = adaptor_fields(model, adapted_clip, 6, 0.5)
    assert tuple(fields) == tuple(VARIANTS)
    torch.testing.assert_close(fields["none"].pixels, expected, rtol=1e-9, atol=1e-12)
    apart = [fields[name].pixels for name in VARIANTS]
    assert all(not torch.equal(a, b) for i, a in enumerate(apart) for b in apart[:i])
    for still in adaptor_fields(model, adapted_clip, 6, 0).values():
        torch.testing.assert_close(still.pixels, expected, rtol=1e-9, atol=1e-12)
