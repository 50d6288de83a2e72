"""Results that leave the page: the same rows as JSON (with settings and environment) and CSV."""

import csv
import io
import json
import platform
import sys
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.metadata import version

import gradio as gr

from app.theme import ASSETS

_PACKAGES = ("torch", "numpy", "numba", "gradio")


def result_export(name: str, value: dict | None = None) -> gr.HTML:
    """Two buttons that save what `exported` gave them; the files are made in the browser."""
    return gr.HTML(
        value,
        html_template=(
            '<div class="export" role="group" aria-label="Save the results">'
            '<button type="button" data-kind="json" disabled>Save JSON</button>'
            '<button type="button" data-kind="csv" disabled>Save CSV</button></div>'
        ),
        js_on_load=(ASSETS / "export.js").read_text(encoding="utf-8"),
        apply_default_css=False,
        elem_id=f"{name}-export",
        label="Save the results",
    )


def exported(
    name: str,
    rows: Sequence[Mapping[str, object]],
    settings: Mapping[str, object],
    table: Sequence[Mapping[str, object]] | None = None,
) -> dict:
    """What the buttons save: `rows` with `settings` as JSON, and `table` (else rows) as CSV."""
    document = {
        "settings": dict(settings),
        "environment": environment(),
        "results": list(rows),
    }
    return {
        "name": name,
        "json": json.dumps(document, indent=2, ensure_ascii=False),
        "csv": rows_as_csv(rows if table is None else table),
    }


@lru_cache(maxsize=1)
def environment() -> dict:
    """What the numbers depend on besides the settings."""
    return {
        "python": sys.version.split()[0],
        "system": platform.platform(),
        "processor": platform.machine(),
        **{package: version(package) for package in _PACKAGES},
    }


def rows_as_csv(rows: Sequence[Mapping[str, object]]) -> str:
    """Rows under the union of their keys; nested values as JSON."""
    text = io.StringIO()
    names = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(text, fieldnames=names, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({key: _flat(value) for key, value in row.items()})
    return text.getvalue()


def _flat(value: object) -> object:
    return json.dumps(value) if isinstance(value, list | tuple | dict) else value
