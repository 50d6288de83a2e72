"""All tests of a method on one clip, and the table over clips."""

import numpy as np
import pytest
import torch

from analysis.attribution.faithfulness.judge import (
    BETTER,
    RANDOM,
    ClipJudge,
    JudgeSettings,
    MethodScores,
    league,
)
from analysis.attribution.faithfulness.planted import plant_moving_disc, strongest_cause
from analysis.attribution.method import AttributionError

SMALL = JudgeSettings(
    steps=9, subsets=8, removals=12, noise_samples=1, score="logit", insertion_baseline="zero"
)


@pytest.fixture
def clip():
    return 1.0 + 0.2 * torch.rand(3, 3, 12, 12, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def cause(tube_videomamba):
    """A bright square-ish disc on the tube's place of a dim clip."""
    frame, texture = torch.full((3, 12, 12), 0.2), torch.full((3, 12, 12), 2.0)
    disc = plant_moving_disc(frame, texture, 3, start=(5.5, 9.5), travel=(0, 0), radius=2)
    return strongest_cause(tube_videomamba, [disc])


def test_a_good_method_beats_random_on_the_tube(tube_videomamba, clip, cause):
    judge = ClipJudge(tube_videomamba, clip, SMALL, cause)
    good, random = judge.scores("input_x_gradient"), judge.scores(RANDOM)
    assert judge.target == cause.target == 0
    assert good.deletion_auc < random.deletion_auc
    assert good.insertion_auc > random.insertion_auc
    assert good.gap > 0.3 and abs(random.gap) < good.gap
    assert good.sensitivity_n > 0.8 > random.sensitivity_n
    assert good.infidelity < 0.2 < random.infidelity <= 1
    assert good.pointing == good.average_precision == 1.0
    assert good.latency_ms > 0 and 0 < good.max_sensitivity < 0.5
    assert abs(good.randomised_all) < 1 and good.error == ""
    assert random.latency_ms is random.max_sensitivity is random.randomised_all is None
    assert judge.agreement().methods == ("input_x_gradient", RANDOM)


def test_the_same_settings_give_the_same_figures(tube_videomamba, clip, cause):
    figures = []
    for _ in range(2):
        judge = ClipJudge(tube_videomamba, clip, SMALL, cause)
        both = judge.scores("gradient_shap"), judge.scores(RANDOM)
        figures.append([getattr(one, name) for one in both for name in BETTER if "ms" not in name])
    assert figures[0] == figures[1]


def test_a_method_that_cannot_answer_says_why(clip, linear_model, linear_clips):
    """Hidden-state methods need scans, which a linear model has not."""
    settings = JudgeSettings(steps=4, subsets=4, removals=6, noise_samples=0, randomise=False)
    judge = ClipJudge(linear_model, linear_clips[0], settings)
    found = judge.scores("exact_last_layer")
    assert found.error and "\n" not in found.error and found.deletion_auc is None
    assert judge.scores("saliency").pointing is None
    with pytest.raises(AttributionError, match="saliency"):
        judge.scores("saliencey")


def test_frames_left_out_of_the_sequence(tube_videomamba, clip):
    settings = JudgeSettings(
        deletion_baseline="token_drop", steps=3, subsets=4, removals=6, noise_samples=0
    )
    found = ClipJudge(tube_videomamba, clip, settings).scores("saliency")
    assert 0 < found.frame_deletion_auc < 1


def test_the_table_has_the_best_gap_first_and_random_last():
    scores = [
        MethodScores("fair", gap=0.2, deletion_auc=0.3),
        MethodScores("good", gap=0.5, deletion_auc=0.1),
        MethodScores("mute", error="It cannot."),
        MethodScores(RANDOM, gap=0.9),
        MethodScores("fair", gap=0.4, deletion_auc=0.5),
        MethodScores("good", error="It cannot."),
    ]
    rows = league(scores, np.random.default_rng(0))
    assert [row.method for row in rows] == ["good", "fair", "mute", RANDOM]
    assert [row.errors for row in rows] == [1, 0, 1, 0]
    fair = rows[1].figures["gap"]
    assert (fair.mean, fair.clips) == (pytest.approx(0.3), 2)
    assert 0.2 <= fair.low <= fair.high <= 0.4
    assert rows[2].figures["gap"] is None
    assert set(rows[0].figures) == set(BETTER)
