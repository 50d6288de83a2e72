"""The bench of MoMa's stages: what it times is what a layer does, and its slope is one."""

import math

import pytest
import torch

from analysis.layers.windowed_attention import WindowedAttention
from analysis.models import create_model
from analysis.profiling.bench_modulation import STAGES, _slope, _stages, bench_modulation
from analysis.profiling.errors import ProfilingError


def test_a_row_for_every_stage_and_number_of_frames(one_thread):
    found = bench_modulation("moma_debug", frames=(4, 2), image_size=32, rounds=1)
    assert [(row.stage, row.num_frames) for row in found] == [
        (stage, frames) for stage in STAGES for frames in (2, 4)
    ]
    for first, second in zip(found[::2], found[1::2], strict=True):
        assert (first.tokens, second.tokens) == (2 * 16, 4 * 16)
        growth = math.log2(second.median_ms / first.median_ms)
        assert first.slope == second.slope == pytest.approx(growth)


def test_stages_are_those_of_a_layer(one_thread):
    model = create_model("moma_debug").eval()
    tokens = torch.randn(1, 3, 4, 4, 32, generator=torch.Generator().manual_seed(0))
    attn = model.tower.transformer.resblocks[0].attn
    with torch.inference_mode():
        found = {stage: call() for stage, call in _stages(model, tokens).items()}
        flat = tokens.flatten(1, 3)
        full = attn(flat, flat, flat, need_weights=False)[0].view(tokens.shape)
        torch.testing.assert_close(found["full"][0], full)
        single = tokens[0].flatten(1, 2)
        within = attn(single, single, single, need_weights=False)[0].view(tokens.shape)
        torch.testing.assert_close(found["frames"][0], within)
        places = tokens[0].flatten(1, 2).transpose(0, 1)
        along = attn(places, places, places, need_weights=False)[0].transpose(0, 1)
        both = attn(along, along, along, need_weights=False)[0].view(tokens.shape)
        torch.testing.assert_close(found["space_time"][0], both)
        torch.testing.assert_close(found["divide"][0], WindowedAttention(2)(attn, tokens)[0])
        assert torch.equal(found["modulate"].out, model.modulators[0](tokens).out)


def test_the_slope_is_the_exponent():
    assert _slope((2, 4, 8), (3.0, 6.0, 12.0)) == pytest.approx(1)
    assert _slope((1, 2, 4), (1.0, 4.0, 16.0)) == pytest.approx(2)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"name": "videomamba_tiny"}, "is no MoMa; choose one of moma_b16"),
        ({"frames": (8,)}, "two numbers of frames"),
        ({"name": "moma_mini", "image_size": 65}, "can't be cut into patches of 8"),
    ],
)
def test_what_cannot_be_timed(asked, words):
    with pytest.raises(ProfilingError, match=words):
        bench_modulation(**asked)
