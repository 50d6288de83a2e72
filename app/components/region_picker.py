"""A part of the clip chosen by drawing on the frame and by ticking time steps."""

import gradio as gr

from app.theme import ASSETS


def build_region_picker(elem_id: str) -> gr.HTML:
    """The component; its value is {"steps", "rows", "columns"}: numbers on the token grid.

    None until something was picked; the custom event `pick` says that it was.
    """
    return gr.HTML(
        None,
        html_template=(ASSETS / "region_picker.html").read_text(encoding="utf-8"),
        css_template=(ASSETS / "region_picker.css").read_text(encoding="utf-8"),
        js_on_load=(ASSETS / "region_picker.js").read_text(encoding="utf-8"),
        apply_default_css=False,
        elem_id=elem_id,
        label="Part of the clip",
    )
