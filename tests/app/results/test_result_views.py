"""Table, figures and sentences of a study, from numbers written by hand."""

import re
from dataclasses import replace

import pytest

from analysis.training.adaptation_measures import AdaptationMeasures
from analysis.training.errors import TrainingError
from analysis.training.paper_tables import SCAN_TYPES, paper_tables
from analysis.training.studies import Study, StudyRun, StudyTable
from analysis.training.study_list import STUDIES
from analysis.training.study_summary import summarise
from app.components.notice import plain_sentence
from app.components.result_table import paper_table, study_table
from app.figures.number_format import THIN_SPACE
from app.figures.result_sentences import (
    classes_sentence,
    counted_sentence,
    paper_sentence,
    study_sentence,
)
from app.figures.results import (
    accuracy_figure,
    classes_figure,
    curves_figure,
    paper_figure,
    setting_color,
    setting_name,
)
from app.study_results import STUDY_TITLES, study_rows
from app.theme import ACCENT, SCAN_ORDER_COLORS


def test_the_table_has_a_row_per_setting_best_first_with_all_commands(summary):
    html = study_table(summary())
    names = re.findall(r'row-name">([^<]+)<', html)
    assert names[:2] == ["Temporal first", "Spatiotemporal v1"] and len(names) == 5
    assert "88.5" in html and "62.4" in html
    assert html.count("<code") == 10
    assert 'data-value="88.5"' in html and SCAN_ORDER_COLORS["temporal_first"] in html


def test_trained_parameters_are_not_rounded(summary):
    one = summary(seeds=(0,)).table
    assert "Trained" not in study_table(summarise(one))
    measures = AdaptationMeasures(trained_parameters=67_913, step_ms=12.5, memory_bytes=None)
    rows = tuple(replace(row, measures=measures) for row in one.rows)
    html = study_table(summarise(replace(one, rows=rows)))
    assert f">67{THIN_SPACE}913<" in html and 'data-value="67913' in html


def test_an_empty_study_says_how_to_train_it(summary):
    empty = summary(seeds=())
    assert "python -m analysis study scan_orders" in study_table(empty)
    assert study_sentence(empty).startswith("Nothing is trained yet.")
    for figure in (accuracy_figure, classes_figure, curves_figure):
        assert figure(empty).layout.annotations
    assert paper_figure(empty) is None


def test_the_sentence_weighs_the_lead_against_chance(summary):
    whole = study_sentence(summary())
    assert "Temporal first does best, 88.5" in whole and "7.0 points before" in whole
    assert "differ by up to 4.0 points" in whole and "larger than what a seed changes" in whole
    assert "still to be trained" not in whole
    close = study_sentence(summary(("spatiotemporal_v1", "spatiotemporal_v2")))
    assert "larger than what a seed changes" in close  # 4 points against 3
    three = study_sentence(summary(("spatial_first", "spatiotemporal_v1", "spatiotemporal_v2")))
    assert "may be chance" in three  # 4 points against 4
    alone = study_sentence(summary(("temporal_first",)))
    assert alone.startswith("Temporal first: 88.5") and "best" not in alone
    one_seed = study_sentence(summary(seeds=(0,)))
    assert "one seed each" in one_seed and "5 of 10 runs are still to be trained" in one_seed


def test_the_ranking_is_compared_with_the_papers_where_enough_settings_are_there(summary):
    # Ours: temporal, v1, v2, spatial, alternating; the paper's 62.4, 63.9, 64.2, 65.1, 65.1.
    assert "nearly the opposite of the paper's ranking (rank correlation -0.97" in paper_sentence(
        summary()
    ).replace("over 5 settings", "")
    assert "rank correlation" not in paper_sentence(summary(("alternating", "spatial_first")))


def test_the_class_that_differs_most_is_named(summary):
    sentence = classes_sentence(summary())
    # static: 60.5 with Alternating, 88.5 with Temporal first; zoom in: half a point less each.
    assert "static: 60% with Alternating, 88% with Temporal" in sentence.replace(THIN_SPACE, "")


def test_what_was_counted_stands_beside_the_numbers(summary):
    assert "Counted: made up." in counted_sentence(summary())
    assert "appear here" in counted_sentence(summary(seeds=()))


def test_figures_show_every_run_and_the_paper_in_the_same_order(summary):
    bars, points = accuracy_figure(summary()).data
    assert list(bars.x) == [88.5, 81.5, 77.5, 72.0, 60.5]
    assert sorted(points.x) == sorted(sum(((70, 74), (88, 89), (80, 83), (79, 76), (60, 61)), ()))
    assert list(paper_figure(summary()).data[0].x) == [62.4, 63.9, 64.2, 65.1, 65.1]
    lines = curves_figure(summary()).data
    assert len(lines) == 10 and list(lines[0].x) == [12_800, 25_600]
    assert [line.name for line in lines if line.showlegend].count("Temporal first") == 1
    orders = [setting.settings["scan_order"] for setting in summary().settings]
    assert [line.line.color for line in lines[::2]] == [SCAN_ORDER_COLORS[o] for o in orders]
    heat = classes_figure(summary()).data[0]
    assert heat.z[0][1] == pytest.approx(88.0)  # (88 + 88) / 2


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"scan_order": "alternating", "seed": 1}, "Alternating, seed 1"),
        ({"self_distillation": "on"}, "Self-distillation on"),
        ({"num_frames": 8, "image_size": 64}, "8 frames, 64 px"),
        ({"mask": "clip_row", "ratio_percent": 80}, "clip row mask, 80 % masked"),
        ({"mask": "none", "ratio_percent": 0}, "No pretraining"),
    ],
)
def test_settings_in_words(settings, words):
    assert setting_name(settings) == words


def test_rows_for_programs_carry_spread_and_paper(summary):
    rows = study_rows(summary())
    assert len(rows) == 10
    assert rows[0]["mean_over_seeds_percent"] == 88.5
    assert rows[0]["spread_over_seeds_points"] == 1.0
    assert rows[0]["paper_percent"] == 62.4


@pytest.mark.parametrize("table", paper_tables(), ids=lambda table: table.name)
def test_every_reported_table_is_whole_and_shown(table):
    assert all(len(row) == len(table.columns) for row in table.rows)
    assert all(0 < row[-1] <= 100 for row in table.rows)
    html = paper_table(table)
    assert table.source in html and html.count("<tr") == len(table.rows) + 1


def test_all_seven_orders_are_reported():
    from analysis.ops.scan_order import SCAN_ORDERS

    assert {row[0] for row in SCAN_TYPES.rows} == set(SCAN_ORDERS)


def test_settings_without_an_order_have_shades_that_stay_while_a_study_grows():
    runs = [StudyRun(f"{n}", {"num_frames": n}, "mini") for n in (4, 8, 16)]
    study = summarise(StudyTable(Study("frames_and_resolution", "Which?", tuple(runs)), ()))
    colors = [setting_color(study, run.settings) for run in runs]
    assert len(set(colors)) == 3
    alone = summarise(StudyTable(Study("shipped", "How good?", tuple(runs[:1])), ()))
    assert setting_color(alone, runs[0].settings) == ACCENT


def test_every_study_has_a_title_and_says_what_differs_from_the_paper():
    assert list(STUDY_TITLES) == [study.name for study in STUDIES]
    for study in STUDIES:
        assert paper_sentence(summarise(StudyTable(study, ())))


def test_a_damaged_table_is_told_in_its_own_sentence():
    sentence = "scan_orders.json is not a readable table; delete it."
    assert plain_sentence(TrainingError(sentence)) == sentence


@pytest.mark.parametrize(
    ("borrowed", "said"),
    [
        (None, "with one seed each, nobody can say how much of a difference is chance"),
        (2.0, "in the study scan_orders seeds of one setting differ by up to 2.0 points, so this"),
    ],
)
def test_a_study_of_single_runs_borrows_what_chance_does(summary, borrowed, said):
    table = summary(seeds=(0,)).table
    study = replace(table.study, seeds_of="scan_orders")
    words = study_sentence(summarise(replace(table, study=study), borrowed))
    assert said in words
    # 88 before 80: more than two points, less than ten.
    assert ("larger than what a seed changes" in words) == (borrowed == 2.0)
    if borrowed:
        assert "may be chance" in study_sentence(summarise(replace(table, study=study), 10.0))
