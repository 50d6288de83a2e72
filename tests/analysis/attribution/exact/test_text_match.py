"""Parts of a similarity: they sum to it, and each is what leaving it out takes away."""

import pytest
import torch
import torch.nn.functional as F

from analysis.attribution.exact.frozen_norm import norm_constant, slope_before_norm
from analysis.attribution.exact.text_match import match_evidence
from analysis.attribution.method import AttributionError
from analysis.layers.block import make_norm
from analysis.models import create_model
from analysis.tracing.video_trace import record_video

POOLINGS = ("cls+avg", "cls", "avg", "cls_cat_avg")


@pytest.fixture(scope="module")
def make_video_text():
    """A float64 video-text model, 4 x 4 x 4 patches, whose biases and norms all count."""

    def make(dtype=torch.float64, **fields):
        generator = torch.Generator().manual_seed(1)
        model = create_model("videomamba_retrieval_debug", **fields)
        with torch.no_grad():
            for key, parameter in model.named_parameters():
                if not key.endswith("_log"):
                    parameter.normal_(std=0.3, generator=generator)
        return model.to(dtype).eval()

    return make


@pytest.fixture(scope="module")
def asked():
    """A clip and the direction of a text."""
    generator = torch.Generator().manual_seed(2)
    clip = torch.randn(3, 4, 16, 16, generator=generator, dtype=torch.float64)
    direction = torch.randn(12, generator=generator, dtype=torch.float64)
    return clip, F.normalize(direction, dim=0)


def own_similarity(model, clip, direction):
    with torch.no_grad():
        vectors = model.video_directions(model.see(clip[None]).pooled)[0]
    return float(sum(vector @ direction for vector in vectors) / len(vectors))


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize(
    ("fields", "frames"),
    [
        ({"keep_temporal": True}, 4),
        ({"keep_temporal": False, "norm": "layer"}, 4),
        ({"keep_temporal": True, "scan_order": "spatiotemporal_v1"}, 4),
        ({"keep_temporal": True, "norm": "layer"}, 1),
    ],
    ids=["by-step", "whole", "two-orders", "image"],
)
def test_parts_sum_to_the_similarity(make_video_text, asked, pooling, fields, frames):
    model = make_video_text(pooling=pooling, **fields)
    clip, direction = asked[0][:, :frames], asked[1]
    similar = own_similarity(model, clip, direction)
    found = match_evidence(model, clip, direction)
    assert found.similarity == pytest.approx(similar, abs=1e-12)
    for parts in found.parts.values():
        assert tuple(parts.values.shape) == (frames, 4, 4)
        assert parts.total == pytest.approx(similar, abs=1e-10)
        assert parts.completeness_error < 1e-10
    assert float(found.vectors.cosines.mean()) == pytest.approx(similar, abs=1e-10)


def test_in_single_precision_they_sum_to_its_rounding(make_video_text, asked):
    found = match_evidence(make_video_text(torch.float32), *asked)
    assert all(parts.completeness_error < 1e-4 for parts in found.parts.values())


def test_a_final_token_is_worth_what_its_absence_takes_with_denominators_held(
    make_video_text, asked
):
    """Pooling, norm and projection written out token by token, held at the whole clip's values."""
    model = make_video_text()
    clip, direction = asked
    encoder, trace = model.vision_encoder, record_video(model.vision_encoder, clip)
    pool_norm, weight, bias = encoder.pool_norm, model.vision_proj.weight, model.vision_proj.bias
    deviations, lengths = [], []

    @torch.no_grad()
    def similarity(tokens, measure=False):
        total = 0.0
        for step in range(4):
            first = 1 + 16 * step
            gathered = tokens[0] + sum(tokens[first + i] for i in range(16)) / 16
            centred = gathered - gathered.mean()
            if measure:
                deviations.append((centred.square().mean() + pool_norm.eps).sqrt())
            vector = weight @ (pool_norm.weight * centred / deviations[step] + pool_norm.bias)
            vector = vector + bias
            if measure:
                lengths.append(vector.norm())
            total += float(vector @ direction / lengths[step]) / 4
        return total

    whole = similarity(trace.final_tokens, measure=True)
    found = match_evidence(model, clip, direction)
    assert whole == pytest.approx(found.similarity, abs=1e-12)
    values = [found.parts["final"].cls_value, *found.parts["final"].values.flatten().tolist()]
    for token in (0, 1, 16, 17, 40, 64):
        without = trace.final_tokens.clone()
        without[token] = 0
        assert values[token] == pytest.approx(whole - similarity(without), abs=1e-12)
    nothing = similarity(torch.zeros_like(trace.final_tokens))
    assert found.parts["final"].constant == pytest.approx(nothing, abs=1e-12)


def test_what_enters_the_last_layer_equals_its_dense_matrices(make_video_text, asked, make_dense):
    model = make_video_text(scan_order="spatiotemporal_v1")
    clip, direction = asked
    trace = record_video(model.vision_encoder, clip)
    found = match_evidence(model, clip, direction)
    dense, layer = make_dense(trace.last), trace.last.trace()

    # Slopes of the similarity by automatic differentiation, the denominators held.
    stream = trace.final_residual.clone().requires_grad_()
    encoder = model.vision_encoder
    scale = (trace.final_residual.square().mean(-1, keepdim=True) + encoder.norm.eps).rsqrt()
    gathered = encoder.gather((stream * scale * encoder.norm.weight)[None], 4)[0]
    deviation = (trace.gathered.var(-1, correction=0, keepdim=True) + 1e-5).sqrt()
    centred = gathered - gathered.mean(-1, keepdim=True)
    pooled = centred / deviation * encoder.pool_norm.weight + encoder.pool_norm.bias
    projected = model.vision_proj(pooled)
    lengths = projected.norm(dim=-1).detach()
    (slope,) = torch.autograd.grad((projected @ direction / lengths).mean(), stream)

    vectors = dense.contributions(layer.out_weight)  # (2, receivers, sources, D)
    expected = torch.einsum("btsd,td->s", vectors, slope) + (layer.residual * slope).sum(-1)
    values = found.parts["entering"]
    got = torch.cat([values.values.new_tensor([values.cls_value]), values.values.flatten()])
    torch.testing.assert_close(got, expected.detach(), rtol=1e-9, atol=1e-12)


def test_a_vector_of_a_step_is_its_own_patches_and_cls(make_video_text, asked):
    model = make_video_text()
    clip, direction = asked
    found = match_evidence(model, clip, direction)
    torch.testing.assert_close(
        found.vectors.patches, found.parts["final"].values.sum((1, 2)), rtol=0, atol=1e-12
    )
    assert float(found.vectors.cls.sum()) == pytest.approx(found.parts["final"].cls_value)
    with torch.no_grad():
        cosines = model.video_directions(model.see(clip[None]).pooled)[0] @ direction
    torch.testing.assert_close(found.vectors.cosines, cosines, rtol=0, atol=1e-12)


def test_of_two_texts_the_parts_are_the_difference(make_video_text, asked):
    model = make_video_text()
    clip, one = asked
    other = F.normalize(one.flip(0), dim=0)
    first, second, apart = (match_evidence(model, clip, d) for d in (one, other, one - other))
    assert apart.similarity == pytest.approx(first.similarity - second.similarity, abs=1e-12)
    for level in ("final", "entering"):
        torch.testing.assert_close(
            apart.parts[level].values,
            first.parts[level].values - second.parts[level].values,
            rtol=0,
            atol=1e-12,
        )


def test_the_model_is_left_as_it_was(make_video_text, asked):
    model = make_video_text().train()
    match_evidence(model, *asked)
    assert model.training and model.vision_encoder.training
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not any(module._forward_hooks for module in model.modules())


@pytest.mark.parametrize(
    ("kind", "x", "slope", "expected", "constant"),
    [
        # Mean of squares 12.5: (3, 4) / sqrt(12.5).
        ("rms", [3.0, 4.0], [1.0, 0.0], 3 / 12.5**0.5, 0.0),
        # Mean 2, deviation 1: (-1, 1), then weights (2, 3) and biases (10, 20).
        ("layer", [1.0, 3.0], [1.0, 0.0], -2.0, 10.0),
        ("layer", [1.0, 3.0], [0.5, 1.0], -1.0 + 3.0, 25.0),
    ],
)
def test_norms_by_hand(kind, x, slope, expected, constant):
    norm = make_norm(kind, 2).double()
    norm.eps = 0.0
    if kind == "layer":
        norm.weight.data = torch.tensor([2.0, 3.0]).double()
        norm.bias.data = torch.tensor([10.0, 20.0]).double()
    x, slope = torch.tensor([x]).double(), torch.tensor(slope).double()
    before = slope_before_norm(norm, x, slope)
    assert float((before * x).sum()) == pytest.approx(expected)
    assert float(norm_constant(norm, slope)) == pytest.approx(constant)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda model, clip, direction: (model, clip[:, :3], direction), "The model takes clips"),
        (lambda model, clip, direction: (model, clip, direction[:5]), "has 12 numbers here"),
        (lambda model, clip, direction: (model.half(), clip, direction), "needs a float32"),
    ],
    ids=["clip", "direction", "half"],
)
def test_what_does_not_fit_is_one_sentence(make_video_text, asked, change, words):
    with pytest.raises(AttributionError, match=words) as error:
        match_evidence(*change(make_video_text(), *asked))
    assert str(error.value).endswith(".")
