"""Effects of masks on the page: computed once, taken up where they stopped, said in numbers."""

from dataclasses import replace

import pytest
import torch

from analysis.masking.effect_summary import summarised
from analysis.masking.effects import masked_effect, unmasked_pass
from analysis.prediction import predict_clip
from app.errors import MaskRequestError
from app.figures.mask_effect_sentences import (
    effects_sentence,
    saving_sentence,
    similarity_sentence,
)
from app.figures.mask_effects import EFFECTS, effect_figure, saving_figure
from app.figures.number_format import percent
from app.mask_effect_runs import (
    EffectQuestion,
    asked_curves,
    effect_curves,
    effect_document,
    effect_rows,
    estimated_effects_ms,
    known_curves,
)
from app.mask_runs import MaskSetting, drawn_masks
from app.session import Session
from app.settings import Settings

pytestmark = pytest.mark.usefixtures("one_thread")
STRATEGIES, RATIOS = ("tube", "clip_row", "attention"), (0.5, 0.8)


@pytest.fixture(scope="module")
def question(mini):
    return EffectQuestion(mini, 3, STRATEGIES, RATIOS)


@pytest.fixture(scope="module")
def curves(session, question):
    *_, last = effect_curves(session, question)
    return last


def test_points_are_those_of_the_masks_on_the_page(session, question, curves, mini):
    assert [(p.ratio, p.strategy) for p in curves.points] == [
        (ratio, name) for ratio in RATIOS for name in STRATEGIES
    ]
    drawn = drawn_masks(session, mini, MaskSetting("clip_row", 0.8, 3))
    masks = torch.nn.functional.pad(torch.from_numpy(drawn.masks["clip_row"]).flatten(1), (1, 0))
    with session.loaded(mini) as loaded:
        clip = session.sampled(mini, loaded).clip
        whole = unmasked_pass(loaded.model, clip)
        expected = summarised(masked_effect(loaded.model, clip, masks, whole, "clip_row", 0.8))
        answer = predict_clip(loaded, session.sampled(mini, loaded)).predictions[0]
    (found,) = [p for p in curves.points if (p.ratio, p.strategy) == (0.8, "clip_row")]
    assert found.probability.mean == pytest.approx(expected.probability.mean, abs=1e-5)
    assert found.same_answer == expected.same_answer
    assert curves.answer == answer.label
    assert curves.probability == pytest.approx(answer.probability, abs=1e-5)


def test_costs_begin_with_nothing_hidden(curves):
    assert [cost.ratio for cost in curves.costs] == [0.0, *RATIOS]
    assert [cost.tokens for cost in curves.costs] == [257, 257 - 128, 257 - 204]
    assert all(cost.latency_ms > 0 for cost in curves.costs)
    assert curves.complete


def test_curves_grow_and_what_stopped_goes_on(tmp_path, mini):
    session = Session(Settings(cache_folder=tmp_path))
    question = EffectQuestion(mini, 0, ("random", "tube"), (0.5,))
    assert known_curves(session, question) is None
    whole_ms = estimated_effects_ms(session, question)
    growing = effect_curves(session, question)
    assert [len(next(growing).points) for _ in range(2)] == [0, 1]
    growing.close()
    known = known_curves(session, question)
    assert (len(known.points), known.steps, known.complete) == (1, 4, False)
    assert estimated_effects_ms(session, question) < whole_ms
    counts = [(len(c.points), len(c.costs)) for c in effect_curves(session, question)]
    assert counts == [(1, 0), (2, 0), (2, 1), (2, 2)]
    with session.loaded(mini) as loaded:
        passes = []
        handle = loaded.model.register_forward_hook(lambda *_: passes.append(1))
    again = list(effect_curves(session, question))
    handle.remove()
    assert (len(again), passes, again[0].complete) == (1, [], True)
    assert estimated_effects_ms(session, question) == 0
    anew = [len(c.points) for c in effect_curves(session, question, anew=True)]
    assert anew == [0, 1, 2, 2, 2]


def test_lines_start_at_the_whole_clip(curves):
    for name, effect in EFFECTS.items():
        figure = effect_figure(curves, name, "clip_row")
        lines = [trace for trace in figure.data if trace.showlegend is not False]
        assert [line.name for line in lines] == ["Tube", "Clip-row", "Attention"]
        for line, strategy in zip(lines, STRATEGIES, strict=True):
            points = curves.of(strategy)
            assert line.x[0] == 0 and line.y[0] == effect.whole(curves)
            assert list(line.x[1:]) == [point.real_ratio for point in points]
            assert list(line.y[1:]) == [getattr(point, name).mean for point in points]
        assert lines[1].line.width > lines[0].line.width
        bands = [trace for trace in figure.data if trace.showlegend is False]
        assert len(bands) == 3


def test_savings_are_shares_of_the_whole_pass(curves):
    lines = {line.name: line for line in saving_figure(curves).data}
    assert list(lines["Tokens"].y) == pytest.approx([1, 129 / 257, 53 / 257])
    assert list(lines["Time"].y) == [cost.relative_latency for cost in curves.costs]
    unknown = replace(
        curves, costs=tuple(replace(cost, memory_bytes=None) for cost in curves.costs)
    )
    assert [line.name for line in saving_figure(unknown).data] == ["Tokens", "Time"]
    assert "memory" not in saving_sentence(unknown)


def test_sentences_speak_this_clips_numbers(curves):
    said = effects_sentence(curves)
    here = [point for point in curves.points if point.ratio == 0.8]
    best = max(here, key=lambda point: point.probability.mean)
    assert curves.answer in said and percent(curves.probability) in said
    assert percent(best.probability.mean) in said
    assert "small scale" in said
    assert "79.7" in similarity_sentence(curves, "tube")
    assert "53 of 257 tokens" in saving_sentence(curves)
    random = effects_sentence(replace(curves, relation="untrained"))
    assert "weights are random" in random


def test_before_anything_is_measured_every_part_says_what_will_come():
    assert effect_figure(None, "probability").layout.annotations[0].text
    assert saving_figure(None).layout.annotations[0].text
    assert effects_sentence(None).startswith("Press Measure")
    assert similarity_sentence(None, None) and saving_sentence(None)


def test_tables_and_documents_hold_every_point(curves):
    rows = effect_rows(curves)
    assert len(rows) == 6
    assert not any(isinstance(value, dict) for row in rows for value in row.values())
    assert rows[0]["probability_mean"] == curves.points[0].probability.mean
    document = effect_document(curves)
    assert (len(document["points"]), len(document["costs"])) == (6, 3)
    assert document["relation"] == "trained order"


def test_an_image_model_is_masked_too(session, mini):
    image = replace(mini, model="videomamba_image_tiny.untrained", num_frames=1, image_size=64)
    *_, found = effect_curves(session, EffectQuestion(image, 0, ("random",), (0.5,)))
    assert found.complete and found.training == "untrained"


def test_a_question_in_words(mini):
    found = asked_curves(mini, "tube, block,tube", "0.9,0.5", 4)
    assert (found.strategies, found.ratios, found.seed) == (("tube", "block"), (0.5, 0.9), 4)
    assert len(asked_curves(mini, "all", "0.5", 0).strategies) == 7


@pytest.mark.parametrize(
    ("strategies", "ratios", "seed", "message"),
    [
        ("tubes", "0.5", 0, "did you mean tube"),
        ("tube", "half", 0, "ratios are 'half'; give numbers"),
        ("tube", "0.5,1", 0, "ratio 1 cannot be drawn"),
        ("tube", "0.5", -1, "seed is -1"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence(mini, strategies, ratios, seed, message):
    with pytest.raises(MaskRequestError, match=message):
        asked_curves(mini, strategies, ratios, seed)
