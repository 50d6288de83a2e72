"""Maps of modulation against what SeqMod is by hand."""

import numpy as np
import pytest
import torch

from analysis.adaptation.modulation_maps import modulation_maps
from analysis.adaptation.moma_variants import strengthened, without_scans


def test_maps_are_what_seqmod_does_to_every_token(speaking, small_clip):
    model = speaking()
    first = modulation_maps(model, small_clip)[0]
    with torch.no_grad():
        kinds = {step.kind: step for step in list(model.steps(small_clip[None]))[:3]}
        x = kinds["attend"].patches[0, 2, 1, 3]
        said = model.modulators[0].ssm(kinds["attend"].patches)[0, 2, 1, 3]
    y1, y2 = said.split(len(x))
    m = y1 * x + y2 + x
    at = (2, 1, 3)
    assert first.scale.shape == (4, 4, 4)
    assert first.scale[at] == pytest.approx(float(y1.abs().mean()), rel=1e-9)
    assert first.bias[at] == pytest.approx(float(y2.norm() / x.norm()), rel=1e-9)
    assert first.turn[at] == pytest.approx(1 - float(m @ x / (m.norm() * x.norm())), rel=1e-6)


def test_scans_that_say_nothing_turn_no_token(speaking, small_clip):
    for one in modulation_maps(strengthened(speaking(), 0.0), small_clip):
        assert not one.scale.any() and not one.bias.any()
        np.testing.assert_allclose(one.turn, 0, atol=1e-12)


def test_a_scale_alone_that_is_the_same_for_all_channels_turns_nothing(speaking, small_clip):
    model = speaking(fusion="scale_only")
    with torch.no_grad():
        for modulator in model.modulators:
            modulator.ssm.out_proj.weight.zero_()
            modulator.ssm.out_proj.bias.fill_(0.25)
    for one in modulation_maps(model, small_clip):
        assert one.bias is None
        np.testing.assert_allclose(one.scale, 0.25, rtol=1e-12)
        np.testing.assert_allclose(one.turn, 0, atol=1e-12)


def test_a_map_for_every_modulation_wherever_it_stands(speaking, small_clip):
    assert len(modulation_maps(speaking(pattern="T_then_M"), small_clip)) == 2
    assert modulation_maps(without_scans(speaking()), small_clip) == ()
