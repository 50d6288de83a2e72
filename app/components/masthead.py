"""The line at the top of the page: what this is, the link to it, the keys, light or dark."""

from collections.abc import Mapping
from dataclasses import asdict

import gradio as gr

from app.permalink import Place
from app.theme import ASSETS


def build_masthead() -> gr.HTML:
    """The component; its value is what `page_link` gives, None before the first."""
    return gr.HTML(
        None,
        html_template=(ASSETS / "masthead.html").read_text(encoding="utf-8"),
        js_on_load=(ASSETS / "permalink.js").read_text(encoding="utf-8"),
        elem_id="masthead",
        apply_default_css=False,
    )


def page_link(parameters: Mapping[str, str], note: str, place: Place | None = None) -> dict:
    """What the browser writes into the address, beside token and time cursor, and copies.

    `note` is said when the link is copied; `place` is where the clip is to be opened.
    """
    return {
        "parameters": dict(parameters),
        "note": note,
        "place": None if place is None else asdict(place),
    }
