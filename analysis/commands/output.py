"""How commands print: JSON for programs, aligned columns for people."""

import json
import sys
from collections.abc import Sequence
from typing import Any


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


def refused(error: Exception, as_json: bool, clip: str | None = None) -> int:
    """Say in one sentence why nothing was done, of a clip if one was asked about: exit code 1.

    As JSON on standard output, else on the error stream.
    """
    if as_json:
        about = {} if clip is None else {"clip": clip}
        print_json({**about, "error": str(error)})
    else:
        print(error if clip is None else f"{clip}: {error}", file=sys.stderr, flush=True)
    return 1


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Columns as wide as their widest cell; numbers to the right."""
    cells = [[_text(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    print(
        "  ".join(name.ljust(width) for name, width in zip(columns, widths, strict=True)).rstrip()
    )
    for row, texts in zip(rows, cells, strict=True):
        aligned = (
            text.rjust(width) if isinstance(cell, int | float) else text.ljust(width)
            for cell, text, width in zip(row, texts, widths, strict=True)
        )
        print("  ".join(aligned).rstrip())


def _text(cell: Any) -> str:
    if isinstance(cell, float):
        return f"{cell:.4g}"
    return "" if cell is None else str(cell)
