"""The drawn parts of a profiled run: bars of regions, and a step over time."""

import gradio as gr

from app.figures.flame import flame_view
from app.figures.region_bars import region_bars
from app.theme import ASSETS


def build_region_bars() -> gr.HTML:
    """The component; its value is what `region_bars` gives."""
    return gr.HTML(
        region_bars(()),
        css_template=(ASSETS / "region_bars.css").read_text(encoding="utf-8"),
        apply_default_css=False,
        elem_id="profile-bars",
        label="Time by region",
    )


def build_flame_view(name: str) -> gr.HTML:
    """The component; its value is what `flame_view` gives."""
    return gr.HTML(
        flame_view(None),
        css_template=(ASSETS / "flame.css").read_text(encoding="utf-8"),
        js_on_load=(ASSETS / "flame.js").read_text(encoding="utf-8"),
        apply_default_css=False,
        elem_id=name,
        label="One step over time",
    )
