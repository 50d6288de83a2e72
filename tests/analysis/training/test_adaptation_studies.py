"""Studies of adaptation: what is compared, and what a row says beside its accuracy."""

import json
from dataclasses import replace

import pytest
import torch

from analysis.training import recipes
from analysis.training import run as training_run
from analysis.training.adaptation_measures import (
    AdaptationMeasures,
    StillClips,
    adaptation_measures,
)
from analysis.training.adaptation_recipes import MOMA_VARIANTS
from analysis.training.adaptation_studies import ADAPTOR_STUDY, MOMA_ACTION_STUDY, MOMA_STUDY
from analysis.training.errors import TrainingError
from analysis.training.recipe import ModelChoice
from analysis.training.run import run_recipe
from analysis.training.scores import score
from analysis.training.source import Places
from analysis.training.state import start_state
from analysis.training.studies import Study, StudyRun, read_table, run_study
from analysis.training.study_costs import measure_costs_again
from analysis.training.study_list import SCAN_ORDER_STUDY
from analysis.training.study_summary import summarise
from analysis.training.trained_part import trained_share
from analysis.weights.whole_clip import load_clip
from app.components.result_table import study_table
from app.study_results import study_rows

BASE = "videomamba_adaptor_debug.tiny"
STUDY = Study(
    name="tries",
    question="Which?",
    runs=tuple(
        StudyRun(f"{BASE}{tag}", {"method": method}, BASE, changes)
        for tag, method, changes in (
            ("", "adaptors", ()),
            ("_head", "linear probe", ("model.trained=head",)),
        )
    ),
    adapts=True,
)


@pytest.fixture(autouse=True)
def small(monkeypatch, tiny, one_thread):
    choice = ModelChoice("videomamba_adaptor_debug", switches="usage=fine_tuning,readout=mean")
    monkeypatch.setitem(recipes.RECIPES, BASE, lambda: replace(tiny, model=choice, clips=16))
    monkeypatch.setattr(training_run, "CHECK_CLIPS", 8)


def test_rows_say_what_learned_and_what_a_step_took(tmp_path):
    half = replace(STUDY, runs=STUDY.runs[:1])
    run_study(half, Places(tmp_path), tmp_path / "runs", say=print, checkpoints=tmp_path)
    (row,) = read_table(STUDY, tmp_path / "studies").rows
    model = start_state(STUDY.runs[0].recipe, ("grey", "noise")).model
    assert row.measures.trained_parameters == trained_share(model).trained
    assert 0 < row.measures.step_ms < 60_000
    assert row.measures.zero_shot_percent is None
    kept = json.loads((tmp_path / "studies/tries.json").read_text())["rows"][0]["measures"]
    assert AdaptationMeasures(**kept) == row.measures
    # The page: a column where rows have the measure, and the command of what is not trained yet.
    summary = summarise(read_table(STUDY, tmp_path / "studies"))
    html = study_table(summary)
    assert ">Trained<" in html and ">Zero-shot after<" not in html
    assert f"train {BASE} --set model.trained=head" in html and "1 run to be trained" in html
    assert study_rows_of(summary)["trained_parameters"] == row.measures.trained_parameters


def study_rows_of(summary):
    (row,) = study_rows(summary)
    return row


def test_costs_are_measured_again_in_turn_and_nothing_else_changes(tmp_path):
    first = STUDY.runs[0]
    other_seed = replace(first, name=f"{first.name}.seed_1", changes=("seed=1",))
    study = replace(STUDY, runs=(first, other_seed, STUDY.runs[1]))
    run_study(study, Places(tmp_path), tmp_path / "runs", say=print, checkpoints=tmp_path)
    path = tmp_path / "studies/tries.json"
    content = json.loads(path.read_text())
    for row in content["rows"]:
        row["measures"] |= {"step_ms": 1e9, "memory_bytes": -1}
    path.write_text(json.dumps(content))
    before = read_table(study, tmp_path / "studies").rows
    measure_costs_again(study, Places(tmp_path), say=print, checkpoints=tmp_path)
    after = read_table(study, tmp_path / "studies").rows
    assert 0 < after[0].measures.step_ms < 60_000
    assert after[0].measures == after[1].measures  # one measurement: they differ in seed alone
    assert after[2].measures.step_ms not in (1e9, after[0].measures.step_ms)
    same = {"step_ms": 1e9, "memory_bytes": -1}
    assert tuple(replace(r, measures=replace(r.measures, **same)) for r in after) == before


def test_costs_of_other_studies_are_refused(tmp_path):
    with pytest.raises(TrainingError, match="scan_orders keep no step costs"):
        measure_costs_again(SCAN_ORDER_STUDY, Places(tmp_path), say=print, checkpoints=tmp_path)
    with pytest.raises(TrainingError, match="tries has no rows yet; run python -m analysis study"):
        measure_costs_again(STUDY, Places(tmp_path), say=print, checkpoints=tmp_path)


def test_means_of_measures_over_seeds(tmp_path):
    table = run_study(STUDY, Places(tmp_path), tmp_path / "runs", say=print, checkpoints=tmp_path)
    rows = tuple(
        replace(row, settings={"method": "one", "seed": seed}, measures=measures)
        for seed, (row, measures) in enumerate(
            zip(
                table.rows,
                (AdaptationMeasures(3, 10.0, None, 40.0), AdaptationMeasures(5, 20.0, 7, 50.0)),
                strict=True,
            )
        )
    )
    (setting,) = summarise(replace(table, rows=rows)).settings
    found = [setting.measure(n) for n in ("trained_parameters", "step_ms", "zero_shot_percent")]
    assert found == [4.0, 15.0, 45.0]
    assert setting.measure("memory_bytes") is None


class FewPictures:
    """In place of the captioned pictures: counts how it is asked."""

    clips_per_epoch = None

    def __init__(self):
        self.asked = []

    def named(self, model, split, run):
        self.asked.append((model, split, run.image_size))
        right = len(self.asked)
        return score(("a", "b"), [0] * 4, [0] * right + [1] * (4 - right))


def test_what_is_kept_is_asked_before_and_after(tiny, material, tmp_path):
    choice = ModelChoice("moma_mini", weights="clip_mini.pictures")
    recipe = replace(tiny, model=choice, clips=8, batch_size=2)
    finished = run_recipe(recipe, SmallMaterial(material), tmp_path)
    pictures = FewPictures()
    measures = adaptation_measures(finished, pictures)
    (before, *_), (after, split, size) = pictures.asked
    assert (measures.zero_shot_before_percent, measures.zero_shot_percent) == (25.0, 50.0)
    assert after.model is finished.state.result and before.model is not after.model
    assert (split, size) == ("never_seen", 64)


class SmallMaterial:
    """Clips of the mini models' size, all grey."""

    labels, label_order, clips_per_epoch = ("grey", "noise"), None, None

    def __init__(self, inner):
        self.facts, self.evaluate = inner.facts, inner.evaluate

    def training(self, run):
        from analysis.training.source import Batch

        class Grey:
            def batch(self, step):
                clips = torch.full((run.batch_size, 3, 8, 64, 64), 0.1 * step)
                return Batch(clips, torch.zeros(run.batch_size, dtype=torch.int64))

        return Grey()

    def held_out(self, run, clips):
        yield self.training(replace(run, batch_size=2)).batch(0)


def test_the_untouched_tower_names_pictures_as_its_clip_does():
    """A linear probe's tower sees a still clip as CLIP sees the picture."""
    clip = load_clip("clip_mini.pictures", "clip_mini")
    recipe = recipes.make_recipe("clip_probe_mini.camera")
    model = start_state(recipe, ("a", "b")).model.eval()
    generator = torch.Generator().manual_seed(0)
    pictures = torch.randn(2, 3, 64, 64, generator=generator)
    tokens = torch.tensor([[1, 2, 40, 0], [3, 40, 0, 0]])
    with torch.inference_mode():
        found = StillClips(model, clip)(pictures, tokens)
        torch.testing.assert_close(found, clip(pictures, tokens), rtol=0, atol=2e-4)


def test_the_studies_compare_what_they_say():
    methods = {run.settings["method"] for run in MOMA_STUDY.runs}
    variants = {f"MoMa, {name.replace('_', ' ')}": to for name, to in MOMA_VARIANTS.items()}
    assert {"fusion=add", "fusion=max", "fusion=concat", "fusion=adan"} <= {*variants.values()}
    shared = {"linear probe", "ST-Adapter", "AIM", "full fine-tuning", "MoMa"}
    assert methods == shared | {*variants} | {"MoMa, no distillation"}
    assert {run.settings["method"] for run in MOMA_ACTION_STUDY.runs} == shared
    for study in (MOMA_STUDY, MOMA_ACTION_STUDY, ADAPTOR_STUDY):
        assert len({run.name for run in study.runs}) == len(study.runs)
        budgets = {(r.recipe.clips, r.recipe.batch_size, r.recipe.data) for r in study.runs}
        assert len(budgets) == 1
        for run in study.runs:
            assert run.recipe.seed == run.settings["seed"]
            switches = run.recipe.model.switches
            if run.settings["method"] in variants:
                assert switches == variants[run.settings["method"]]
