"""The shipped student on a clip: computed once, under the mask that the tab shows."""

from dataclasses import replace

import numpy as np
import pytest

import app.alignment_runs as runs
from analysis.masking.strategies import STRATEGIES
from analysis.weights import WeightsError
from app.alignment_runs import alignment
from app.mask_runs import MaskQuestion, MaskSetting, drawn_masks

STUDENT = "videomamba_student_mini.aligned"


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_mask_is_the_tabs_where_the_setting_is_the_same(session, mini, strategy):
    setting = MaskSetting(strategy, 0.7, 3)
    report = alignment(session, MaskQuestion(mini, setting), STUDENT)
    tokens = report["layers"][-1]["tokens"]
    hidden = np.array([value is None for value in tokens]).reshape(report["grid"])
    drawn = drawn_masks(session, mini, setting)
    assert np.array_equal(hidden, drawn.shown(strategy))
    assert report["real_ratio"] == pytest.approx(drawn.real_ratio(strategy))


def test_the_student_learned_what_its_teacher_sees(session, mini):
    """More than a student that says the same everywhere, and more than before training."""
    report = alignment(session, MaskQuestion(mini, MaskSetting("attention", 0.8, 0)), None)
    assert report["student"] == STUDENT
    (layer,) = report["layers"]
    assert layer["mean"] > layer["chance"] + 0.05
    assert layer["mean"] > layer["untrained"] + 0.5
    assert report["latency_ms"] > 0


def test_asked_again_nothing_runs(session, mini, monkeypatch):
    """Only the clip of the selection counts, and what the tab chooses."""
    asked = MaskQuestion(mini, MaskSetting("tube", 0.8, 0))
    first = alignment(session, asked, STUDENT)
    calls = []
    monkeypatch.setattr(runs, "alignment_report", lambda *values: calls.append(values) or {})
    assert alignment(session, asked, STUDENT) == first
    assert calls == []
    alignment(session, replace(asked, setting=MaskSetting("tube", 0.8, 1)), STUDENT)
    assert len(calls) == 1


def test_what_is_no_student_is_one_sentence(session, mini):
    with pytest.raises(WeightsError, match="is no student of masked pretraining"):
        alignment(session, MaskQuestion(mini, MaskSetting()), "videomamba_mini.camera")
