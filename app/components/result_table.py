"""A study as a sorted table, and the paper's tables."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING

from analysis.training.paper_tables import PaperTable, paper_value
from app.components.sorted_table import Column, Row, sorted_table
from app.figures.number_format import THIN_SPACE, compact, data_size, duration, whole
from app.figures.results import setting_color, setting_name, spread_words
from app.theme import SCAN_ORDER_NAMES

if TYPE_CHECKING:
    from analysis.training.study_summary import StudySummary


def study_table(summary: StudySummary) -> str:
    """A row per setting, with the command of each of its runs."""
    if not summary.settings:
        return (
            '<p class="table-empty">No run of this study is trained yet. Train it with '
            f"<code>{escape(summary.table.study.command)}</code></p>{_to_be_trained(summary)}"
        )
    study = summary.table.study.name
    rows = [
        {
            "place": summary.planned.index(setting.settings),
            "setting": setting,
            "paper": paper_value(study, setting.settings),
            "color": setting_color(summary, setting.settings),
        }
        for setting in summary.settings
    ]
    # Columns that only some studies have.
    columns = [
        column
        for column in _COLUMNS
        if column not in _NOT_IN_ALL or any(column.value(row) is not None for row in rows)
    ]
    table = sorted_table("Settings compared", columns, rows, attributes=_attributes)
    return table + _to_be_trained(summary)


def _to_be_trained(summary: StudySummary) -> str:
    """The commands of runs without a row."""
    missing = summary.table.missing
    runs = [run for run in summary.table.study.runs if run.name in missing]
    if not runs:
        return ""
    commands = "".join(
        f'<span class="caption">{escape(setting_name(run.settings))}</span>'
        f'<code class="command">{escape(run.command)}</code>'
        for run in runs
    )
    heading = f"{len(runs)} runs still to be trained" if len(runs) > 1 else "1 run to be trained"
    return f'<details class="commands"><summary>{heading}</summary>{commands}</details>'


def paper_table(table: PaperTable) -> str:
    """One of the paper's tables under its title and source."""
    rows = [
        {"index": index, **dict(zip(table.columns, row, strict=True))}
        for index, row in enumerate(table.rows)
    ]
    columns = [_paper_column(name, first=name == table.columns[0]) for name in table.columns]
    return (
        f'<h4 class="figure-title">{escape(table.title)}</h4>'
        f'<p class="caption">{escape(table.data)}. {escape(table.source)}.</p>'
        + sorted_table(table.title, columns, rows)
    )


def _paper_column(name: str, first: bool) -> Column:
    word = "Top-1" if name == "top1_percent" else name.replace("_", " ").capitalize()
    written: Callable[[Row], str] = lambda row: escape(_in_words(row[name]))  # noqa: E731
    if name == "top1_percent":
        written = lambda row: f"{row[name]:.1f}{THIN_SPACE}%"  # noqa: E731
    value: Callable[[Row], float] = lambda row: row["index"] if first else _number(row[name])  # noqa: E731
    return Column(word, word, value, written)


def _number(value: str | int | float) -> float | None:
    return None if isinstance(value, str) else value


def _in_words(value: str | int | float) -> str:
    if isinstance(value, str):
        return SCAN_ORDER_NAMES.get(value, value.replace("_", " ") if "." not in value else value)
    return compact(value)


def _attributes(row: Row) -> str:
    return f'style="--row-color: {row["color"]}"'


def _name(row: Row) -> str:
    return f'<span class="row-name">{escape(setting_name(row["setting"].settings))}</span>'


def _accuracy(row: Row) -> str:
    mean = row["setting"].mean
    return _one_line(
        f'<span class="bar-small"><i style="width:{mean:.1f}%"></i></span>'
        f'<span class="bar-share">{mean:.1f}{THIN_SPACE}%</span>'
    )


def _one_line(words: str) -> str:
    return f'<span class="one-line">{words}</span>'


def _runs(row: Row) -> str:
    runs = row["setting"].rows
    commands = "".join(f'<code class="command">{escape(run.command)}</code>' for run in runs)
    count = f"{len(runs)} commands" if len(runs) > 1 else "1 command"
    return f'<details class="commands"><summary>{count}</summary>{commands}</details>'


def _measure(name: str, explanation: str, field: str, written: Callable[[float], str]) -> Column:
    """A column of what adaptation took or left, mean over seeds."""
    return Column(
        name,
        explanation,
        lambda row: row["setting"].measure(field),
        lambda row: _one_line(written(row["setting"].measure(field))),
    )


def _percent(value: float) -> str:
    return f"{value:.1f}{THIN_SPACE}%"


_PAPER = Column(
    "In the paper",
    "What the paper reports for this setting on its own data",
    lambda row: row["paper"],
    lambda row: f"{row['paper']:.1f}{THIN_SPACE}%",
)
_MEASURES = (
    _measure("Trained", "Parameters that learn", "trained_parameters", whole),
    _measure("Step", "Time of an update, clips rendered before", "step_ms", duration),
    _measure("Memory", "Most an update held beside the model", "memory_bytes", data_size),
    _measure(
        "Zero-shot before",
        "Pictures of things never trained on that are named right before the first step",
        "zero_shot_before_percent",
        _percent,
    ),
    _measure("Zero-shot after", "The same after the last", "zero_shot_percent", _percent),
)
_NOT_IN_ALL = (_PAPER, *_MEASURES)
_COLUMNS = (
    Column(
        "Setting",
        "What is particular about these runs; sorted as the study lists them",
        lambda row: row["place"],
        _name,
    ),
    Column(
        "Top-1", "Mean over seeds, clips never trained on", lambda r: r["setting"].mean, _accuracy
    ),
    Column(
        "Between seeds",
        "Largest less smallest accuracy of the same setting",
        lambda row: row["setting"].spread or 0,
        lambda row: spread_words(row["setting"]),
    ),
    _PAPER,
    Column(
        "Clips",
        "Seen in training",
        lambda row: row["setting"].rows[0].clips,
        lambda row: _one_line(compact(row["setting"].rows[0].clips)),
    ),
    Column(
        "Training",
        "Mean time of a run on the machine named in its row; other work ran beside some",
        lambda row: row["setting"].wall_s,
        lambda row: _one_line(duration(1000 * row["setting"].wall_s)),
    ),
    Column(
        "Parameters",
        "Of one model",
        lambda row: row["setting"].rows[0].parameters,
        lambda row: _one_line(compact(row["setting"].rows[0].parameters)),
    ),
    *_MEASURES,
    Column("Commands", "Make each run again", lambda row: len(row["setting"].rows), _runs),
)
