"""Studies: the same small training again and again with one thing changed, as one table.

Every finished run is a row of `checkpoints/studies/NAME.json`; the table is complete by itself at
any time, and a study that was stopped goes on with the runs that have no row yet.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from analysis.nearest_names import nearest
from analysis.training.adaptation_measures import (
    AdaptationMeasures,
    adaptation_measures,
    answers_with_directions,
)
from analysis.training.captioned_pictures.data import CaptionedPicturesData
from analysis.training.errors import RecipeError, TrainingError
from analysis.training.kept_files import replace_text
from analysis.training.recipe import Recipe
from analysis.training.recipes import make_recipe
from analysis.training.run import FinishedRun, run_recipe
from analysis.training.shipping import ship
from analysis.training.source import Data, Material, Places
from analysis.training.state import is_record_of, recipe_record
from analysis.weights.shipped import SHIPPED_FOLDER

STUDIES_FOLDER = SHIPPED_FOLDER / "studies"


@dataclass(frozen=True)
class Stage:
    """A training before the one that is scored.

    base: its recipe; changes: as `train --set` takes them.
    """

    base: str
    changes: tuple[str, ...] = ()

    @property
    def recipe(self) -> Recipe:
        """The recipe with its changes."""
        return make_recipe(self.base, self.changes)


@dataclass(frozen=True)
class StudyRun:
    """One training of a study.

    name: of the weights it makes. settings: what is particular about it, a column each.
    base: the recipe it starts from; changes: as `train --set` takes them.
    pretraining: what makes the weights it starts from; None where the recipe says it all.
    """

    name: str
    settings: dict[str, str | int | float]
    base: str
    changes: tuple[str, ...] = ()
    pretraining: Stage | None = None

    @property
    def recipe(self) -> Recipe:
        """The recipe with its changes."""
        return make_recipe(self.base, self.changes)

    @property
    def command(self) -> str:
        """What makes this run alone again."""
        if self.pretraining is None:
            return _train_command(self.base, self.changes)
        first, folder = self.pretraining, f"runs/{self.name}"
        start = f"model.weights={folder}/{first.base}.safetensors"
        before = _train_command(first.base, first.changes)
        after = _train_command(self.base, (*self.changes, start))
        return f"{before} --out {folder} --checkpoints {folder} && {after}"


def _train_command(base: str, changes: Sequence[str]) -> str:
    return f"python -m analysis train {base}{''.join(f' --set {change}' for change in changes)}"


@dataclass(frozen=True)
class Study:
    """Runs to be compared.

    ships: whether their weights are kept for the app. seeds_of: the study of the same task whose
    seeds tell how far chance moves a result, where this one has a single seed. adapts: whether a
    trained model is adapted, so that rows have measures of that.
    """

    name: str
    question: str
    runs: tuple[StudyRun, ...]
    ships: bool = False
    seeds_of: str | None = None
    adapts: bool = False

    @property
    def command(self) -> str:
        """What makes the table."""
        return f"python -m analysis study {self.name}"


@dataclass(frozen=True)
class StudyRow:
    """A finished run.

    accuracy: top-1 in percent on clips never trained on; accuracy_by_class likewise. curve:
    progress rows with held-out accuracy. command: makes this run alone again. pretraining: the
    recipe behind the weights it started from, None where there was none of its own; its time is
    part of wall_s, its clips are not part of clips. measures: of an adaptation, else None.
    """

    name: str
    settings: dict[str, str | int | float]
    accuracy: float
    accuracy_note: str
    accuracy_by_class: dict[str, float]
    parameters: int
    clips: int
    wall_s: int
    device: str
    curve: tuple[dict, ...]
    recipe: dict
    command: str
    pretraining: dict | None = None
    measures: AdaptationMeasures | None = None

    @classmethod
    def of_record(cls, record: dict) -> "StudyRow":
        """From what `asdict` made of a row and JSON gave back; raises TypeError for another."""
        measures = record.get("measures")
        return cls(
            **{
                **record,
                "curve": tuple(record["curve"]),
                "measures": measures and AdaptationMeasures(**measures),
            }
        )


@dataclass(frozen=True)
class StudyTable:
    """The rows of a study that exist so far, in the order of its runs."""

    study: Study
    rows: tuple[StudyRow, ...]

    @property
    def missing(self) -> tuple[str, ...]:
        """Names of runs without a row."""
        done = {row.name for row in self.rows}
        return tuple(run.name for run in self.study.runs if run.name not in done)


def read_table(study: Study, folder: Path = STUDIES_FOLDER) -> StudyTable:
    """The rows of `study` that were made by its present recipes.

    Raises TrainingError for a file that cannot be read.
    """
    path = folder / f"{study.name}.json"
    if not path.exists():
        return StudyTable(study, ())
    try:
        kept = {row["name"]: row for row in json.loads(path.read_text(encoding="utf-8"))["rows"]}
        rows = [
            StudyRow.of_record(kept[run.name])
            for run in study.runs
            if run.name in kept and _made_by(kept[run.name], run)
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingError(
            f"{path.name} is not a readable table ({error}); delete it and run {study.command}."
        ) from error
    return StudyTable(study, tuple(rows))


def _made_by(row: dict, run: StudyRun) -> bool:
    before, first = row.get("pretraining"), run.pretraining
    same_start = before is None if first is None else is_record_of(before, first.recipe)
    return same_start and is_record_of(row["recipe"], run.recipe)


def write_table(table: StudyTable, folder: Path = STUDIES_FOLDER) -> None:
    """Replace the study's file in one step."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{table.study.name}.json"
    content = {
        "study": table.study.name,
        "question": table.study.question,
        "command": table.study.command,
        "rows": [asdict(row) for row in table.rows],
    }
    replace_text(path, json.dumps(content, indent=1) + "\n")


def run_study(
    study: Study,
    places: Places,
    runs_folder: Path,
    *,
    say: Callable[[str], None],
    progress: Callable[[StudyRun, dict], None] = lambda run, row: None,
    checkpoints: Path = SHIPPED_FOLDER,
) -> StudyTable:
    """Train what has no row yet, one run after another, keeping each row as it comes."""
    folder = checkpoints / "studies"
    table = read_table(study, folder)
    trainer = _Trainer(Materials(places, say))
    for run in (run for run in study.runs if run.name in table.missing):
        say(f"{run.name}: {', '.join(f'{k} {v}' for k, v in run.settings.items())}")
        report = lambda row, run=run: progress(run, row)  # noqa: E731
        row, finished = trainer.row(run, runs_folder / study.name / run.name, report)
        if study.adapts:
            row = replace(row, measures=trainer.measures(finished))
        if study.ships:
            ship(run.name, finished, row.command, checkpoints)
        rows = {row.name: row for row in (*read_table(study, folder).rows, row)}
        ordered = tuple(rows[each.name] for each in study.runs if each.name in rows)
        table = StudyTable(study, ordered)
        write_table(table, folder)
    return table


class Materials:
    """The data of several runs, each kind loaded once, when it is first asked for."""

    def __init__(self, places: Places, say: Callable[[str], None]):
        self._places, self._say = places, say
        self._loaded: dict[Data, Material] = {}

    def of(self, data: Data) -> Material:
        """What `data` loads."""
        if data not in self._loaded:
            self._loaded[data] = data.load(self._places, self._say)
        return self._loaded[data]


class _Trainer:
    """Trains the runs of a study."""

    def __init__(self, materials: Materials):
        self._materials = materials

    def row(self, run: StudyRun, folder: Path, report: Callable) -> tuple[StudyRow, FinishedRun]:
        recipe, first, before_s = run.recipe, run.pretraining, 0.0
        if first is not None:
            start, before_s = self._pretrained(first, folder / "pretraining", report)
            recipe = replace(recipe, model=replace(recipe.model, weights=str(start)))
        finished = self._train(recipe, folder, report)
        return _row(run, finished, before_s), finished

    def measures(self, finished: FinishedRun) -> AdaptationMeasures:
        """Of a run that adapted a model; pictures are loaded where they are asked for."""
        asked = answers_with_directions(finished.state.result)
        pictures = self._materials.of(CaptionedPicturesData()) if asked else None
        return adaptation_measures(finished, pictures)

    def _pretrained(self, stage: Stage, folder: Path, report: Callable) -> tuple[Path, float]:
        """The file of a stage's weights, and the time they took."""
        finished = self._train(stage.recipe, folder, report)
        ship(stage.base, finished, _train_command(stage.base, stage.changes), folder)
        return folder / f"{stage.base}.safetensors", finished.state.wall_s

    def _train(self, recipe: Recipe, folder: Path, report: Callable) -> FinishedRun:
        return run_recipe(recipe, self._materials.of(recipe.data), folder, progress=report)


def _row(run: StudyRun, finished: FinishedRun, before_s: float) -> StudyRow:
    state, evaluation, first = finished.state, finished.evaluation, run.pretraining
    return StudyRow(
        name=run.name,
        settings=run.settings,
        accuracy=evaluation["accuracy"],
        accuracy_note=evaluation["accuracy_note"],
        accuracy_by_class=evaluation.get("accuracy_by_class", {}),
        parameters=sum(p.numel() for p in state.result.parameters()),
        clips=state.step * finished.recipe.batch_size,
        wall_s=round(before_s + state.wall_s),
        device=finished.device,
        curve=finished.curve,
        # Where pretrained weights lay on this machine is not part of it.
        recipe=recipe_record(run.recipe),
        command=run.command,
        pretraining=first and recipe_record(first.recipe),
    )


def find_study(name: str, studies: Sequence[Study]) -> Study:
    """The study of a name; raises RecipeError naming the nearest when there is none."""
    for study in studies:
        if study.name == name:
            return study
    raise RecipeError(
        f"There is no study {name!r}; {nearest(name, [study.name for study in studies])}"
    )
