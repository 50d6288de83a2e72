"""How much the scans of a variant say."""

import pytest
import torch

from analysis.adaptation.moma_variants import seeded_mixing, strengthened, without_scans

IDENTITIES = ("seqmod", "add", "concat", "adan", "scale_only", "bias_only", "no_skip")


@pytest.mark.parametrize("fusion", IDENTITIES)
def test_no_strength_is_the_tower_without_scans(speaking, small_clip, fusion):
    model = seeded_mixing(speaking(fusion=fusion), torch.Generator().manual_seed(2))
    still = strengthened(model, 0.0)
    clip = small_clip[None]
    with torch.no_grad():
        assert torch.equal(still.encode_clips(clip), without_scans(model).encode_clips(clip))
        assert not torch.allclose(model.encode_clips(clip), still.encode_clips(clip), atol=1e-3)


def test_what_is_said_grows_with_the_strength_and_the_model_stays(speaking, small_clip):
    model = speaking()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    x = next(model.steps(small_clip[None])).patches
    with torch.no_grad():
        own, halved = (m.modulators[0](x) for m in (model, strengthened(model, 0.5)))
    torch.testing.assert_close(halved.scale, 0.5 * own.scale)
    torch.testing.assert_close(halved.bias, 0.5 * own.bias)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    again = strengthened(model, 1.0).state_dict()
    assert all(torch.equal(value, before[name]) for name, value in again.items())
