"""A table that a long command keeps in a file, to go on with it after a stop."""

import json
from pathlib import Path


class TableError(Exception):
    """No table can be made or gone on with; the message says what to do."""


def kept_rows(path: Path | None, heading: dict, rows: str) -> list[dict]:
    """What an earlier, stopped run has put into the list `rows` of its table; none without a file.

    Raises TableError, one sentence, for a file of another heading or of no such table.
    """
    if path is None or not path.exists():
        return []
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        kept = {key: found[key] for key in heading}
        done = found[rows]
    except (ValueError, KeyError, TypeError) as error:
        raise TableError(
            f"{path} is there and holds no table of this command; choose another --out."
        ) from error
    if kept != heading:
        raise TableError(f"{path} holds a table of other {rows} or settings; choose another --out.")
    return done


def keep_table(path: Path, table: dict) -> None:
    """Replace the file by the table, in one step."""
    from analysis.weights.shipped import replace_file

    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, (json.dumps(table, indent=1, ensure_ascii=False) + "\n").encode())
