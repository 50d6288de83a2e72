"""Plans against laws that can be solved by hand."""

import pytest

from analysis.profiling.errors import ProfilingError
from analysis.profiling.sweep.planner import cost_law, plans
from tests.analysis.profiling.sweep.conftest import DIVIDED, FLASH, JOINT, SCAN


def linear(point):
    return 1.0 + 0.5 * (point.tokens - 1), 2e6 + 1e4 * (point.tokens - 1)


def paired(point):
    pairs = (point.tokens - 1) ** 2
    return 1.0 + 0.001 * pairs, 2e6 + 100.0 * pairs


def divided(point):
    frames, places = point.num_frames, (point.image_size // 16) ** 2
    return 1.0, 1e6 + 50.0 * (frames * places**2 + places * frames**2)


def test_a_law_is_found_again_and_predicts_what_was_held_back(law_sweep):
    sweep = law_sweep({SCAN: linear, JOINT: paired})
    for curve, law in ((SCAN, linear), (JOINT, paired)):
        results = [r for r in sweep.results if r.point.curve == curve]
        for index, measure in enumerate(("latency_ms", "memory_bytes")):
            found = cost_law(results, measure)
            far = type(results[0].point)(curve, 64, 224)
            assert found.at(far) == pytest.approx(law(far)[index], rel=1e-4)
            assert found.held_back_error < 1e-3


def test_a_wrong_law_shows_in_the_held_back_error(law_sweep):
    sweep = law_sweep({SCAN: lambda p: (float(p.tokens) ** 2, 1e3 * p.tokens**2)})
    assert cost_law(list(sweep.results), "memory_bytes").held_back_error > 0.3


def test_divided_attention_keeps_its_two_kinds_of_pairs_apart(law_sweep):
    sweep = law_sweep({DIVIDED: divided}, frames=(2, 4, 8, 16, 32))
    [plan] = plans(sweep, 1e9, 112)
    assert plan.memory_error < 0.01
    # 1e6 of weights + 1e6 + 50 (T 49^2 + 49 T^2) = 1e9 has the root T = 614.3
    assert plan.most_frames == 614


@pytest.mark.parametrize(
    ("budget", "size", "frames"), [(100e6, 112, 197), (100e6, 224, 49), (3e6, 112, 0)]
)
def test_the_most_frames_solve_the_law(law_sweep, budget, size, frames):
    # 1e6 of weights + 2e6 + 1e4 P T <= budget, P = 49 or 196 patches a frame
    [plan] = plans(law_sweep({SCAN: linear}), budget, size)
    assert plan.most_frames == frames
    assert plan.fits == (frames > 0)
    assert plan.extrapolated == (frames > 16)
    shown = frames or 1
    assert plan.times_beyond == pytest.approx((1 + shown * (size // 16) ** 2) / (1 + 16 * 49))
    assert (plan.memory_bytes <= budget) == plan.fits


def test_two_points_are_held_by_the_terms_that_grow_fastest(law_sweep):
    sweep = law_sweep({JOINT: lambda p: (1.0, 100.0 * (p.tokens - 1) ** 2)}, frames=(2, 4))
    [plan] = plans(sweep, 1e9, 112)
    assert plan.most_frames == 64  # 1e6 + 100 (49 T)^2 = 1e9
    assert plan.memory_error is None


def test_a_plan_for_asked_frames_says_what_they_cost(law_sweep):
    sweep = law_sweep({SCAN: linear, JOINT: paired})
    first, second = plans(sweep, 1e9, 224, frames=64)
    tokens = 64 * 196
    assert (first.curve, first.frames, first.fits) == (SCAN, 64, True)
    assert first.most_frames == 508  # 1e6 + 2e6 + 1e4 * 196 T = 1e9
    assert first.memory_bytes == pytest.approx(3e6 + 1e4 * tokens, rel=1e-4)
    assert first.latency_ms == pytest.approx(1 + 0.5 * tokens, rel=1e-4)
    assert (second.curve, second.frames, second.fits) == (JOINT, 64, False)
    assert second.most_frames == 16  # 3e6 + 100 (196 T)^2 = 1e9
    assert second.memory_bytes == pytest.approx(3e6 + 100 * tokens**2, rel=1e-4)


def test_scores_that_are_not_stored_take_no_memory_in_the_law(law_sweep):
    sweep = law_sweep({FLASH: lambda p: (paired(p)[0], linear(p)[1])})
    [plan] = plans(sweep, 100e6, 112)
    assert plan.most_frames == 197
    assert plan.latency_ms == pytest.approx(1 + 0.001 * (197 * 49) ** 2, rel=1e-3)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"budget_bytes": 0}, "The memory is 0; it has to be above 0"),
        ({"batch": 0}, "The batch is 0"),
        ({"image_size": 100}, "choose a multiple of 16"),
    ],
)
def test_questions_that_have_no_answer_get_a_sentence(law_sweep, changes, words):
    asked = {"budget_bytes": 1e9, "image_size": 112, "batch": 1} | changes
    with pytest.raises(ProfilingError, match=words):
        plans(
            law_sweep({SCAN: linear}),
            asked["budget_bytes"],
            asked["image_size"],
            batch=asked["batch"],
        )
