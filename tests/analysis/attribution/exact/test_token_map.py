"""One map per question, against the dense matrices of a small float64 model."""

from dataclasses import replace

import pytest
import torch

from analysis.attribution.exact.pooled import pooled_contributions
from analysis.attribution.exact.readout import class_direction, readout_weights
from analysis.attribution.exact.rows import row_contributions
from analysis.attribution.exact.token_map import MapQuestion, Subject, subject_words, token_map
from analysis.attribution.method import AttributionError
from analysis.tracing.recorder import record
from analysis.tracing.token_positions import frame_groups, token_index

READOUT = "cls"


@pytest.fixture(params=["spatial_first", "spatiotemporal_v2"])
def layer_and_parts(request, make_layer, make_dense):
    """A traced layer and its contributions (2, receivers, sources, D), by dense matrices."""
    layer, record = make_layer(request.param)
    return layer, make_dense(record).contributions(layer.out_weight)


def flat(answer) -> torch.Tensor:
    """Values of all tokens in canonical order."""
    patches = torch.from_numpy(answer.values).flatten().double()
    return torch.cat([torch.tensor([answer.cls_value], dtype=torch.float64), patches])


def close(found, expected) -> bool:
    return torch.allclose(found, expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("direction", ["both", "forward", "backward"])
def test_sources_are_a_row_and_receivers_a_column_of_the_matrix(layer_and_parts, direction):
    layer, parts = layer_and_parts
    chosen = {"both": parts.sum(0), "forward": parts[0], "backward": parts[1]}[direction]
    token = token_index(layer.grid, 1, 1, 0)
    question = MapQuestion(Subject("token", token), direction=direction)
    feeds_it = token_map(layer, question, READOUT)
    it_feeds = token_map(layer, replace(question, side="receivers"), READOUT)
    assert close(flat(feeds_it), chosen[token].norm(dim=-1))
    assert close(flat(it_feeds), chosen[:, token].norm(dim=-1))
    for answer in (feeds_it, it_feeds):
        assert answer.completeness_error < 1e-10
        assert answer.by_frame.sum() == pytest.approx(flat(answer).sum().item(), rel=1e-5)


@pytest.mark.parametrize("score", ["l2_norm", "l1_norm", "signed_share", "alti"])
def test_every_score_is_that_of_the_dense_parts(layer_and_parts, score):
    layer, parts = layer_and_parts
    pairs, o = parts.sum(0)[9], layer.output[9]
    near = (o.abs().sum(-1) - (o - pairs).abs().sum(-1)).clamp(min=0)
    expected = {
        "l2_norm": pairs.square().sum(-1).sqrt(),
        "l1_norm": pairs.abs().sum(-1),
        "signed_share": pairs @ o / o.square().sum(),
        "alti": near / near.sum(),
    }
    answer = token_map(layer, MapQuestion(Subject("token", 9), score=score), READOUT)
    assert close(flat(answer), expected[score])


def test_a_frame_receives_as_a_mean_and_feeds_as_a_sum(layer_and_parts):
    layer, parts = layer_and_parts
    inside = frame_groups(layer.grid) == 1
    question = MapQuestion(Subject("frame", 1))
    feeds_it = token_map(layer, question, READOUT)
    it_feeds = token_map(layer, replace(question, side="receivers"), READOUT)
    assert close(flat(feeds_it), parts.sum(0)[inside].mean(0).norm(dim=-1))
    assert close(flat(it_feeds), parts.sum(0)[:, inside].sum(1).norm(dim=-1))


def test_signed_shares_of_sources_directions_and_bias_sum_to_one(layer_and_parts):
    layer, _ = layer_and_parts
    for subject in (Subject("token", 5), Subject("frame", 2), Subject("readout")):
        answer = token_map(layer, MapQuestion(subject, score="signed_share"), READOUT)
        assert answer.signed
        assert flat(answer).sum().item() + answer.bias_share == pytest.approx(1, abs=1e-6)
        assert answer.frame_shares.sum() + answer.bias_share == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("readout", ["cls", "mean"])
def test_logit_shares_reach_the_logit(make_model, clip, readout):
    model = make_model(readout=readout)
    trace = record(model, clip)
    layer = trace.layer(-1)
    slope = class_direction(model, trace, 1)
    answer = token_map(layer, MapQuestion(Subject("readout"), score="logit_share"), readout, slope)
    assert answer.output_size == pytest.approx((slope * layer.output).sum().item())
    parts = flat(answer).sum().item() + answer.bias_share * answer.output_size
    assert parts == pytest.approx(answer.output_size, rel=1e-5)
    assert answer.frame_shares.sum() + answer.bias_share == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("level", ["value", "pre_conv", "residual"])
def test_pooling_one_token_is_its_row(layer_and_parts, level):
    layer, _ = layer_and_parts
    row = row_contributions(layer, 4, level=level)
    weights = torch.zeros(layer.grid.length, dtype=torch.float64)
    weights[4] = 1
    pooled = pooled_contributions(layer, weights, level=level)
    for name in ("vectors", "bias", "total"):
        assert torch.allclose(getattr(pooled, name), getattr(row, name), atol=1e-10), name
    assert pooled.completeness_error < 1e-10


@pytest.mark.parametrize("readout", ["cls", "mean"])
def test_the_readout_is_a_subject_like_others(make_layer, readout):
    layer, _ = make_layer()
    answer = token_map(layer, MapQuestion(Subject("readout"), score="signed_share"), readout)
    expected = pooled_contributions(layer, readout_weights(layer.grid, readout))
    along = (expected.vectors.sum(0) @ expected.total) / expected.total.square().sum()
    assert close(flat(answer), along)


@pytest.mark.parametrize(
    ("question", "words"),
    [
        (MapQuestion(Subject("token", 99)), "no token 99 in a grid of 3 x 2 x 3"),
        (MapQuestion(Subject("row", 0)), "no row 0"),
        (MapQuestion(Subject("token", 1), side="up"), "no side 'up'"),
        (MapQuestion(Subject("token", 1), direction="up"), "choose both, forward, backward"),
        (MapQuestion(Subject("token", 1), score="size"), "no score 'size'"),
        (MapQuestion(Subject("token", 1), level="top"), "no level 'top'"),
        (MapQuestion(Subject("token", 1), side="receivers", score="alti"), "one receiver"),
        (MapQuestion(Subject("readout"), side="receivers"), "feeds no token"),
        (MapQuestion(Subject("token", 1), level="value", score="logit_share"), "level residual"),
        (MapQuestion(Subject("token", 1), score="logit_share"), "give one"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_has_no_meaning_is_one_sentence(make_layer, question, words):
    layer, _ = make_layer()
    with pytest.raises(AttributionError, match=words):
        token_map(layer, question, "mean")


def test_a_patch_that_the_head_does_not_read_has_no_logit_share(make_model, clip):
    model = make_model(readout="cls")
    trace = record(model, clip)
    question = MapQuestion(Subject("token", 3), score="logit_share")
    with pytest.raises(AttributionError, match="not read this token"):
        token_map(trace.layer(-1), question, "cls", class_direction(model, trace, 0))


def test_subjects_have_words(make_layer):
    grid = make_layer()[0].grid
    subjects = [Subject("token", 0), Subject("token", 8), Subject("frame", 2), Subject("readout")]
    assert [subject_words(s, grid) for s in subjects] == ["cls", "1,0,1", "frame 2", "readout"]
