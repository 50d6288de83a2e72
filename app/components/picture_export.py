"""Two buttons that save the overlays as one picture or as a video, made when asked for."""

from html import escape

import gradio as gr

from app.figures.heat import data_address
from app.theme import ASSETS

_TYPES = {"png": "image/png", "mp4": "video/mp4"}


def picture_export(name: str) -> gr.HTML:
    """The buttons; their custom event `save` carries `kind`, "png" or "mp4".

    Whatever `saved_picture` gives as their value is saved by the browser.
    """
    buttons = "".join(
        f'<button type="button" class="film-button" data-kind="{kind}">{escape(title)}</button>'
        for kind, title in (("png", "Save PNG"), ("mp4", "Save MP4"))
    )
    return gr.HTML(
        None,
        html_template=(
            '<div class="picture-export" role="group" aria-label="Save the overlays">'
            f"{buttons}</div>"
        ),
        js_on_load=(ASSETS / "picture_export.js").read_text(encoding="utf-8"),
        apply_default_css=False,
        elem_id=f"{name}-pictures",
        label="Save the overlays",
    )


def saved_picture(name: str, kind: str, content: bytes, number: int) -> dict:
    """`number` differs from that of the file saved before, so that the same can be saved twice."""
    return {
        "name": f"{name}.{kind}",
        "address": data_address(content, _TYPES[kind]),
        "number": number,
    }
