"""Answers of models trained in an order, beside weights that are only reordered."""

import dataclasses
from pathlib import Path

import pytest
import torch

from analysis.prediction import read_clip
from analysis.scan_comparison import rows as rows_module
from analysis.scan_comparison.compare import compare_scans
from analysis.scan_comparison.rows import comparison_rows, planned_rows
from analysis.scan_comparison.trained_answer import trained_answer, trained_answers
from analysis.weights import load_model, weights_card

CLIP = Path(__file__).parents[2] / "data/clips/hand_cup.mp4"


@pytest.fixture(scope="module")
def loaded():
    return load_model("videomamba_mini.untrained")


@pytest.fixture(scope="module")
def sampled(loaded):
    return read_clip(CLIP, loaded)


def test_the_answer_is_that_of_the_trained_order_and_the_model_keeps_its_own(loaded, sampled):
    with torch.inference_mode():
        expected = loaded.model(sampled.clip[None])[0].softmax(-1)
    loaded.model.set_scan_order("temporal_first")
    answer = trained_answer(loaded, sampled)
    assert loaded.model.scan_order == "temporal_first"
    loaded.model.set_scan_order("spatial_first")
    assert answer.scan_order == "spatial_first"
    assert [p.probability for p in answer.predictions] == pytest.approx(
        sorted(expected.tolist(), reverse=True), abs=1e-6
    )


def test_rows_have_the_answer_of_the_model_trained_in_their_order(loaded, sampled):
    results = compare_scans(loaded, sampled, ("spatial_first", "temporal_first"), repeats=1)
    answer = dataclasses.replace(
        trained_answer(loaded, sampled), scan_order="temporal_first", accuracy=61.5
    )
    without, with_one = comparison_rows(results, top=2, trained=[answer])
    assert without["trained_model"] == "videomamba_mini.order_spatial_first"
    assert without["trained_label"] is None
    assert with_one["trained_model"] == "videomamba_mini.untrained"
    assert with_one["trained_accuracy"] == 61.5
    assert with_one["trained_label"] == answer.predictions[0].label
    assert len(with_one["trained_predictions"]) == 2


def test_every_trained_order_answers_but_the_weights_themselves(sampled):
    own = load_model("videomamba_mini.order_temporal_first")
    orders = ("spatial_first", "temporal_first")
    (answer,) = trained_answers(own, sampled, orders)
    assert answer.model == "videomamba_mini.order_spatial_first"
    expected = trained_answer(load_model(answer.model), sampled)
    assert answer.predictions[0] == expected.predictions[0]


def test_which_model_is_known_before_anything_runs(loaded, monkeypatch):
    card = dataclasses.replace(
        weights_card("videomamba_mini.untrained"),
        name="videomamba_mini.order_temporal_first",
        reported_accuracy=61.5,
    )
    monkeypatch.setattr(
        rows_module,
        "trained_in_order",
        lambda architecture, order: card if order == "temporal_first" else None,
    )
    first, second = planned_rows(
        ("alternating", "temporal_first"), loaded.card, loaded.model.config
    )
    assert (first["trained_model"], first["trained_accuracy"]) == (None, None)
    assert (second["trained_model"], second["trained_accuracy"]) == (card.name, 61.5)
