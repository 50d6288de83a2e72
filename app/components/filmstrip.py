"""The clip as the model sees it: sampled frames as one sprite sheet, one time cursor, one token."""

import gradio as gr

from app.theme import ASSETS


def build_filmstrip() -> gr.HTML:
    """The component; its value is what `app.figures.film.film` gives, packed.

    Its custom event `report` asks for the report of what it shows.
    """
    return gr.HTML(
        None,
        html_template=(ASSETS / "filmstrip.html").read_text(encoding="utf-8"),
        js_on_load=(ASSETS / "filmstrip.js").read_text(encoding="utf-8"),
        apply_default_css=False,
        elem_id="filmstrip",
        label="The frames the model sees",
    )
