"""The trace of a vision encoder against what it gives back, and as it stays afterwards."""

import pytest
import torch

from analysis.models import create_model
from analysis.tracing.video_trace import record_video


@pytest.fixture(scope="module")
def encoder():
    generator = torch.Generator().manual_seed(3)
    model = create_model("videomamba_retrieval_debug").vision_encoder
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            if not key.endswith("_log"):
                parameter.normal_(std=0.3, generator=generator)
    return model.double().train()


@pytest.mark.parametrize("frames", [4, 1], ids=["clip", "image"])
def test_a_trace_holds_what_the_encoder_gives(encoder, frames):
    generator = torch.Generator().manual_seed(4)
    clip = torch.randn(3, frames, 16, 16, generator=generator, dtype=torch.float64)
    trace = record_video(encoder, clip)
    assert encoder.training and not encoder.norm._forward_hooks
    encoder.eval()
    with torch.no_grad():
        seen = encoder(clip[None])
        normed = encoder.norm(trace.final_residual)
        gathered = trace.final_tokens[0] + trace.final_tokens[1:].unflatten(0, (frames, 16)).mean(1)
    encoder.train()
    torch.testing.assert_close(trace.final_tokens[1:], seen.patches[0])
    torch.testing.assert_close(trace.pooled, seen.pooled[0])
    torch.testing.assert_close(trace.final_tokens, normed)
    torch.testing.assert_close(trace.gathered, gathered)
    assert (trace.grid.t, trace.grid.h, trace.grid.w) == (frames, 4, 4)
    layer = trace.last.trace()
    torch.testing.assert_close(layer.recomputed_output(), layer.output)
    torch.testing.assert_close(layer.residual + layer.output, trace.final_residual)


def test_half_precision_is_one_sentence(encoder):
    clip = torch.zeros(3, 4, 16, 16)
    with pytest.raises(ValueError, match="tracing needs a float32 or float64 model"):
        record_video(create_model("videomamba_retrieval_debug").vision_encoder.half(), clip)
