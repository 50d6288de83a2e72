"""Means, spreads and ranks worked out by hand."""

import pytest

from analysis.training.studies import Study, StudyRow, StudyRun, StudyTable
from analysis.training.study_summary import rank_correlation, summarise


def row(setting: str, seed: int, accuracy: float, **by_class: float) -> StudyRow:
    return StudyRow(
        name=f"{setting}.{seed}",
        settings={"setting": setting, "seed": seed},
        accuracy=accuracy,
        accuracy_note=f"counted {setting}",
        accuracy_by_class=by_class,
        parameters=1,
        clips=1,
        wall_s=100 * (1 + seed),
        device="",
        curve=(),
        recipe={},
        command="",
    )


def summary(*rows):
    return summarise(StudyTable(Study("s", "?", ()), rows))


def test_settings_are_means_over_seeds_best_first():
    whole = summary(row("a", 0, 50.0), row("b", 0, 60.0), row("a", 1, 56.0), row("b", 1, 61.0))
    assert [setting.settings for setting in whole.settings] == [{"setting": "b"}, {"setting": "a"}]
    assert [setting.mean for setting in whole.settings] == [60.5, 53.0]
    assert [setting.spread for setting in whole.settings] == [1.0, 6.0]
    assert whole.settings[0].wall_s == 150.0
    assert (whole.lead, whole.seed_spread) == (7.5, 6.0)


def test_classes_are_means_over_the_runs_that_counted_them():
    whole = summary(row("a", 0, 50.0, pan=40.0), row("a", 1, 56.0, pan=60.0), row("b", 0, 1.0))
    assert whole.settings[0].accuracy_by_class == {"pan": 50.0}
    assert whole.settings[1].accuracy_by_class == {}
    assert whole.accuracy_notes == ("counted a", "counted b")


def test_planned_settings_are_the_studys_without_seeds_in_its_order():
    runs = [StudyRun(f"{n}.{s}", {"setting": n, "seed": s}, "") for s in (0, 1) for n in "ba"]
    whole = summarise(StudyTable(Study("s", "?", tuple(runs)), (row("a", 0, 50.0),)))
    assert whole.planned == ({"setting": "b"}, {"setting": "a"})


def test_without_a_second_seed_or_setting_there_is_nothing_to_compare():
    single = summary(row("a", 0, 50.0))
    assert (single.lead, single.seed_spread, single.settings[0].spread) == (None, None, None)
    assert summary().settings == ()


@pytest.mark.parametrize(
    ("first", "second", "correlation"),
    [
        ([1, 2, 3, 4], [10, 20, 30, 40], 1.0),
        ([1, 2, 3, 4], [4, 3, 2, 1], -1.0),
        ([1, 2, 3, 4], [1, 3, 2, 4], 0.8),
        ([1, 2, 2, 4], [1, 2, 3, 4], 0.9486833),  # ties share rank 1.5
        ([1, 2], [1, 2], None),
        ([1, 1, 1], [1, 2, 3], None),
    ],
)
def test_rank_correlation(first, second, correlation):
    expected = correlation if correlation is None else pytest.approx(correlation, abs=1e-6)
    assert rank_correlation(first, second) == expected
