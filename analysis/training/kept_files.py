"""Files that a kill at any moment must leave whole: text replaced in one step, JSON by lines."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from analysis.weights.shipped import replace_file


def replace_text(path: Path, text: str) -> None:
    """Write `text` in place of what was there; a reader finds the old text or the new."""
    replace_file(path, text.encode())


def replace_json_lines(path: Path, rows: Iterable[Mapping]) -> None:
    """Write `rows` in place of those that were there."""
    replace_text(path, "".join(json.dumps(row) + "\n" for row in rows))


def add_json_line(path: Path, row: Mapping) -> None:
    """Add one row at the end."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


def read_json_lines(path: Path) -> list[dict]:
    """The rows of a file; a last one that was cut short by a kill is left out."""
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            rows.append(json.loads(line))
        except ValueError:
            break
    return rows
