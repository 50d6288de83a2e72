"""Tables of a profiled run: regions, what two runs differ in, operators."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from html import escape
from typing import TYPE_CHECKING

from app.components.sorted_table import Column, Row, sorted_table
from app.figures.number_format import (
    compact,
    data_size,
    duration,
    percent,
)
from app.figures.region_names import REGION_LOOKS, region_name

if TYPE_CHECKING:
    from app.pass_profiles import ProfiledRun

SHOWN_OPERATORS = 25
_EMPTY = '<p class="table-empty">{}</p>'
_MINUS, _PLUS = "\N{MINUS SIGN}", "+"


def region_table(runs: Sequence[ProfiledRun]) -> str:
    """A row per region and pass of one run, or of two with their difference."""
    if not runs:
        return _EMPTY.format("Time and memory of every region, once a run is profiled.")
    if len(runs) == 1:
        rows = [asdict(cost) for cost in runs[0].profile.regions]
        return _table("Regions of a run", _ONE_RUN, rows)
    from analysis.profiling.run_profile import compare_profiles

    differences = compare_profiles(runs[0].profile, runs[1].profile)
    rows = [asdict(difference) for difference in differences]
    return _table("Regions of two runs", _two_runs(*(run.title for run in runs)), rows)


def operator_table(run: ProfiledRun | None) -> str:
    """The operators that took longest by themselves."""
    if run is None:
        return _EMPTY.format("Operators, longest first, once a run is profiled.")
    rows = [asdict(cost) for cost in run.profile.operators[:SHOWN_OPERATORS]]
    title = f'<h4 class="figure-title">{escape(run.title)}</h4>'
    return title + _table(f"Operators of {run.title}", _OPERATORS, rows)


def _table(caption: str, columns: Sequence[Column], rows: list[dict]) -> str:
    placed = [row | {"place": place} for place, row in enumerate(rows)]
    return sorted_table(caption, columns, placed, attributes=_color)


def _color(row: Row) -> str:
    return f'style="--row-color: {REGION_LOOKS[row["region"]].color}"'


def _region(row: Row) -> str:
    meaning = REGION_LOOKS[row["region"]].meaning
    return (
        f'<span class="row-name">{escape(region_name(row["region"], row["pass_"]))}</span>'
        f"<small>{escape(meaning)}</small>"
    )


def _operator(row: Row) -> str:
    where = region_name(row["region"], row["pass_"])
    return f'<span class="row-name">{escape(row["operator"])}</span><small>{escape(where)}</small>'


def _share(row: Row) -> str:
    bar = f'<span class="bar-small"><i style="width:{100 * row["share"]:.1f}%"></i></span>'
    return _line(f'{bar}<span class="bar-share">{percent(row["share"])}</span>')


def _line(words: str) -> str:
    return f'<span class="one-line">{words}</span>'


def _signed_duration(milliseconds: float) -> str:
    if abs(milliseconds) < 0.0005:
        return duration(0.0)
    return f"{_MINUS if milliseconds < 0 else _PLUS}{duration(abs(milliseconds))}"


def _time(name: str, key: str, explanation: str) -> Column:
    return Column(name, explanation, lambda row: row[key], lambda row: _line(duration(row[key])))


def _size(name: str, key: str, explanation: str) -> Column:
    return Column(name, explanation, lambda row: row[key], lambda row: _line(data_size(row[key])))


_REGION = Column("Region", "In the order of a pass", lambda row: row["place"], _region)
_OWN = "Time in the region and in no other one; the rows sum to the step"
_SHARE = Column("Share", "Of the step", lambda row: row["share"], _share)
_CALLS = Column(
    "Calls",
    "A step: entries of the region, or autograd nodes of its gradient",
    lambda row: row["calls"],
    lambda row: compact(row["calls"]),
)
_PEAK = "Most memory held above the start of the step while the region ran"
_ONE_RUN = (
    _REGION,
    _time("Time", "self_ms", _OWN),
    _SHARE,
    _CALLS,
    _time("Between operators", "between_ms", "Part of the time in which no operator ran: Python"),
    _size("Taken", "allocated_bytes", "Memory taken in a step, given back or not"),
    _size("Peak", "peak_bytes", _PEAK),
)
_OPERATORS = (
    Column("Operator", "By the time it took itself", lambda row: row["place"], _operator),
    _time("Time", "self_ms", "In the operator itself, not in others that it called"),
    _SHARE,
    _CALLS._replace(explanation="A step"),
    _time("With inner", "total_ms", "With the operators that it called"),
    _size("Taken", "allocated_bytes", "Memory taken in a step, given back or not"),
)


def _two_runs(first: str, second: str) -> tuple[Column, ...]:
    return (
        _REGION,
        _time("First", "first_ms", f"{first}: {_OWN}"),
        _time("Second", "second_ms", f"{second}: {_OWN}"),
        Column(
            "Difference",
            "Second less first; the rows sum to the difference of the steps",
            lambda row: row["difference_ms"],
            lambda row: _line(_signed_duration(row["difference_ms"])),
        ),
        _size("First peak", "first_peak_bytes", _PEAK),
        _size("Second peak", "second_peak_bytes", _PEAK),
    )
