"""Files that the server makes when they are asked for, saved by the browser."""

from collections.abc import Mapping
from html import escape

import gradio as gr

from app.figures.heat import data_address
from app.theme import ASSETS

_TYPES = {
    "png": "image/png",
    "mp4": "video/mp4",
    "html": "text/html",
    "json": "application/json",
    "zip": "application/zip",
    "npz": "application/zip",
}


def picture_export(name: str) -> gr.HTML:
    """Buttons for overlays; their custom event `save` carries `kind`, "png" or "mp4".

    Whatever `saved_file` gives as their value is saved by the browser.
    """
    kinds = {"png": "Save PNG", "mp4": "Save MP4"}
    return file_export(f"{name}-pictures", "Save the overlays", kinds)


def file_export(elem_id: str, label: str, kinds: Mapping[str, str]) -> gr.HTML:
    """A button for each of `kinds`, by what it is called; `save` and value as above."""
    buttons = "".join(
        f'<button type="button" class="film-button" data-kind="{kind}">{escape(title)}</button>'
        for kind, title in kinds.items()
    )
    template = (
        f'<div class="picture-export" role="group" aria-label="{escape(label)}">{buttons}</div>'
    )
    return _saver(elem_id, template, label)


def file_saver(elem_id: str) -> gr.HTML:
    """Nothing to be seen; whatever `saved_file` gives as its value is saved by the browser."""
    return _saver(elem_id, "", "Saved file")


def _saver(elem_id: str, template: str, label: str) -> gr.HTML:
    return gr.HTML(
        None,
        html_template=template,
        js_on_load=(ASSETS / "file_export.js").read_text(encoding="utf-8"),
        apply_default_css=False,
        elem_id=elem_id,
        label=label,
    )


def saved_file(name: str, kind: str, content: bytes, number: int) -> dict:
    """`number` differs from that of the file saved before, so that the same can be saved twice."""
    return {
        "name": f"{name}.{kind}",
        "address": data_address(content, _TYPES[kind]),
        "number": number,
    }
