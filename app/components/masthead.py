"""The line at the top of the page: what this is, the keys, light or dark."""

import gradio as gr

from app.theme import ASSETS


def build_masthead() -> gr.HTML:
    return gr.HTML(
        (ASSETS / "masthead.html").read_text(encoding="utf-8"),
        elem_id="masthead",
        apply_default_css=False,
        js_on_load=None,
    )
