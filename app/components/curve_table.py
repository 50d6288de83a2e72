"""The areas under deletion and insertion curves, a row per method."""

from collections.abc import Callable, Sequence
from html import escape

from app.components.sorted_table import Column, Row, sorted_table
from app.figures.faithfulness_curves import CurveRow
from app.figures.map_card import method_color
from app.figures.number_format import with_minus


def curve_table(rows: Sequence[CurveRow], still: bool = False) -> str:
    """A row per method with the areas under its curves; complete ones only.

    still: as in `sorted_table`.
    """
    methods = list(dict.fromkeys(row["method"] for row in rows if row["complete"]))
    if not methods:
        return '<p class="table-empty">Areas under the curves, once they are measured.</p>'
    table = [
        {"place": place, "title": _title(rows, name), "method": name, **_areas(rows, name)}
        for place, name in enumerate(methods)
    ]
    return sorted_table(
        "Areas under the curves",
        _COLUMNS,
        table,
        attributes=lambda row: f'style="--row-color: {method_color(row["method"])}"',
        still=still,
    )


def _title(rows: Sequence[CurveRow], method: str) -> str:
    return next(row["title"] for row in rows if row["method"] == method)


def _areas(rows: Sequence[CurveRow], method: str) -> dict[str, float | None]:
    areas = {}
    for kind in ("deletion", "insertion"):
        row = next(
            (r for r in rows if r["method"] == method and r["kind"] == kind and r["complete"]), None
        )
        for name in ("auc", "random_auc", "gap"):
            areas[f"{kind}_{name}"] = None if row is None else row[name]
    return areas


def _area(kind: str) -> Callable[[Row], str]:
    def written(row: Row) -> str:
        return (
            f"{with_minus(row[f'{kind}_auc'])}"
            f"<small>random {with_minus(row[f'{kind}_random_auc'])}</small>"
        )

    return written


def _name(row: Row) -> str:
    return f'<span class="row-name">{escape(row["title"])}</span>'


_COLUMNS = (
    Column("Method", "The ranking that is tested", lambda row: row["place"], _name),
    Column(
        "Deletion",
        "Area under the deletion curve: lower is better",
        lambda row: row["deletion_auc"],
        _area("deletion"),
    ),
    Column(
        "Deletion gap",
        "Area between the reverse ranking and this one: higher is better, 0 is chance",
        lambda row: row["deletion_gap"],
        lambda row: with_minus(row["deletion_gap"]),
    ),
    Column(
        "Insertion",
        "Area under the insertion curve: higher is better",
        lambda row: row["insertion_auc"],
        _area("insertion"),
    ),
    Column(
        "Insertion gap",
        "Area between this ranking and its reverse: higher is better, 0 is chance",
        lambda row: row["insertion_gap"],
        lambda row: with_minus(row["insertion_gap"]),
    ),
)
