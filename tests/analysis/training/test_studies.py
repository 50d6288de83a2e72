"""A study row by row: complete at any time, resumed, never mixing rows of another recipe."""

import json
from dataclasses import replace

import pytest

from analysis.training import recipes
from analysis.training import run as training_run
from analysis.training.errors import RecipeError, TrainingError
from analysis.training.source import Places
from analysis.training.studies import Study, StudyRun, find_study, read_table, run_study
from analysis.training.study_list import SCAN_ORDER_STUDY, STUDIES
from analysis.weights.shipped import shipped_cards

BASE = "videomamba_debug.tiny"
STUDY = Study(
    name="tries",
    question="Does the seed matter?",
    runs=tuple(
        StudyRun(f"{BASE}.seed_{seed}", {"seed": seed}, BASE, (f"seed={seed}",)) for seed in (0, 1)
    ),
    ships=True,
)


@pytest.fixture(autouse=True)
def tiny_recipe(monkeypatch, tiny):
    monkeypatch.setitem(recipes.RECIPES, BASE, lambda: tiny)
    monkeypatch.setattr(training_run, "CHECK_CLIPS", 16)


@pytest.fixture
def run(tmp_path):
    def run(study=STUDY):
        said = []
        table = run_study(
            study,
            Places(tmp_path),
            tmp_path / "runs",
            say=said.append,
            checkpoints=tmp_path / "checkpoints",
        )
        return table, said

    return run


def test_every_run_becomes_a_row_with_its_command_curve_and_weights(run, tmp_path):
    table, _ = run()
    assert [row.name for row in table.rows] == [run.name for run in STUDY.runs]
    assert table.missing == ()
    second = table.rows[1]
    assert second.command == f"python -m analysis train {BASE} --set seed=1"
    assert second.settings == {"seed": 1}
    assert second.clips == 64 and second.accuracy == 50.0
    assert second.curve[-1]["step"] == 8 and "held_out_accuracy" in second.curve[-1]
    names = {card.name for card in shipped_cards(tmp_path / "checkpoints")}
    assert names == {run.name for run in STUDY.runs}
    manifest = json.loads((tmp_path / "checkpoints" / f"{BASE}.seed_1.json").read_text())
    assert manifest["run"]["curve"] == list(second.curve)


def test_a_stopped_study_goes_on_with_what_is_missing(run, tmp_path):
    _, said = run(replace(STUDY, runs=STUDY.runs[:1]))
    assert len(said) == 1
    file = tmp_path / "checkpoints/studies/tries.json"
    kept = json.loads(file.read_text())["rows"][0]
    table, said = run()
    assert [line.split(":")[0] for line in said] == [f"{BASE}.seed_1"]
    assert json.loads(file.read_text())["rows"][0] == kept
    assert len(table.rows) == 2
    _, said = run()
    assert said == []


def test_rows_of_a_changed_recipe_do_not_count(run, tmp_path, monkeypatch, tiny):
    run()
    monkeypatch.setitem(recipes.RECIPES, BASE, lambda: replace(tiny, clips=32))
    table = read_table(STUDY, tmp_path / "checkpoints/studies")
    assert table.rows == () and len(table.missing) == 2


def test_a_damaged_table_is_one_sentence(run, tmp_path):
    run()
    (tmp_path / "checkpoints/studies/tries.json").write_text("{")
    with pytest.raises(TrainingError, match=r"tries\.json is not a readable table"):
        read_table(STUDY, tmp_path / "checkpoints/studies")


def test_an_unknown_study_names_the_nearest():
    with pytest.raises(RecipeError, match="scan_orders"):
        find_study("scan_order", STUDIES)


def test_the_scan_order_study_has_every_order_twice():
    settings = [tuple(run.settings.values()) for run in SCAN_ORDER_STUDY.runs]
    assert len(set(settings)) == len(settings) == 14
    for study_run in SCAN_ORDER_STUDY.runs:
        order, seed = study_run.settings.values()
        assert study_run.recipe.model.scan_order == order
        assert study_run.recipe.seed == seed
