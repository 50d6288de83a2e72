"""A study row by row: complete at any time, resumed, never mixing rows of another recipe."""

import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from analysis.ops.token_mask import MASKS
from analysis.training import recipes
from analysis.training import run as training_run
from analysis.training.errors import RecipeError, TrainingError
from analysis.training.objectives.masked_alignment import MaskedAlignment
from analysis.training.paper_tables import paper_value
from analysis.training.source import Places
from analysis.training.state import start_state
from analysis.training.studies import Stage, Study, StudyRun, find_study, read_table, run_study
from analysis.training.study_list import MASKED_ALIGNMENT_STUDY, SCAN_ORDER_STUDY, STUDIES
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


@pytest.fixture
def pretrained_study(monkeypatch, tiny):
    student = replace(tiny.model, name="videomamba_student_debug")
    objective = MaskedAlignment(teacher="clip_tower_debug", mask="random", ratio=0.5)
    before = replace(tiny, model=student, objective=objective)
    monkeypatch.setitem(recipes.RECIPES, "videomamba_student_debug.tiny", lambda: before)
    first = Stage("videomamba_student_debug.tiny", ("objective.ratio=0.25",))
    run = StudyRun(f"{BASE}.aligned", {"ratio_percent": 25}, BASE, pretraining=first)
    return replace(STUDY, runs=(run,), ships=False)


def test_a_run_may_start_from_a_stage_before_it(run, tmp_path, pretrained_study):
    table, _ = run(pretrained_study)
    (row,) = table.rows
    assert row.pretraining["objective"]["ratio"] == 0.25
    assert row.recipe["model"]["weights"] is None
    before, _, after = row.command.partition(" && ")
    folder = f"runs/{BASE}.aligned"
    assert before == (
        "python -m analysis train videomamba_student_debug.tiny --set objective.ratio=0.25 "
        f"--out {folder} --checkpoints {folder}"
    )
    file = f"{folder}/videomamba_student_debug.tiny.safetensors"
    assert after == f"python -m analysis train {BASE} --set model.weights={file}"
    assert read_table(pretrained_study, tmp_path / "checkpoints/studies").rows == table.rows


def test_the_stage_before_is_where_a_run_starts(run, tmp_path, pretrained_study, tiny, monkeypatch):
    # At a rate of next to nothing the weights that are scored are those it started from.
    still = replace(tiny, optimizer=replace(tiny.optimizer, learning_rate=1e-12, weight_decay=0.0))
    monkeypatch.setitem(recipes.RECIPES, BASE, lambda: still)
    run(pretrained_study)
    own = tmp_path / "runs/tries" / f"{BASE}.aligned"
    started = load_file(own / "pretraining/videomamba_student_debug.tiny.safetensors")
    state = torch.load(own / "state.pt", weights_only=True)["model"]
    name = "layers.0.mixer.in_proj.weight"
    torch.testing.assert_close(state[name], started[name], rtol=0, atol=1e-8)
    fresh = start_state(still, ("grey", "noise")).model.state_dict()
    assert (state[name] - fresh[name]).abs().max() > 1e-4


def test_rows_of_another_stage_before_do_not_count(run, tmp_path, pretrained_study):
    run(pretrained_study)
    (only,) = pretrained_study.runs
    folder = tmp_path / "checkpoints/studies"
    for first in (None, Stage("videomamba_student_debug.tiny", ("objective.ratio=0.5",))):
        other = replace(pretrained_study, runs=(replace(only, pretraining=first),))
        assert read_table(other, folder).rows == ()


def test_the_masked_study_has_every_mask_and_share():
    aligned = [run for run in MASKED_ALIGNMENT_STUDY.runs if run.pretraining]
    shown = {(run.settings["mask"], run.settings["ratio_percent"]) for run in aligned}
    assert shown == {(mask, 80) for mask in MASKS} | {("attention", r) for r in (50, 65, 90)}
    for run in aligned:
        objective = run.pretraining.recipe.objective
        settings = {"mask": objective.mask, "ratio_percent": round(100 * objective.ratio)}
        assert settings == run.settings
        assert paper_value("masked_alignment", run.settings) is not None
    assert paper_value("masked_alignment", {"mask": "tube", "ratio_percent": 80}) == 66.3
    assert paper_value("masked_alignment", {"mask": "attention", "ratio_percent": 50}) == 68.1
    assert paper_value("masked_alignment", {"mask": "tube", "ratio_percent": 50}) is None
    assert paper_value("masked_alignment", {"mask": "none", "ratio_percent": 0}) is None


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
