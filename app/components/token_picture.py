"""A map over the clip's tokens, drawn on the page's frames; a click asks about a patch or frame."""

from collections.abc import Mapping
from typing import Any

import gradio as gr
import numpy as np

from analysis.layers.token_grid import TokenGrid
from app.figures.color_scale import LINEAR, LOGARITHMIC, scale_for, sprite
from app.theme import ASSETS

MOST_READ_OUT = 4096
"""Tokens of which the browser is told the numbers under the pointer."""


def build_token_picture(elem_id: str, label: str, *, asks: bool) -> gr.HTML:
    """The component; its value is what `token_picture` gives, `packed`, or None before the first.

    With `asks` its custom event `ask` carries a `kind` ("token", "frame" or "readout") and an
    `index`: that of the patch without CLS, or of the time step.
    """
    script = (ASSETS / "token_picture.js").read_text(encoding="utf-8")
    return gr.HTML(
        None,
        html_template=(ASSETS / "token_picture.html").read_text(encoding="utf-8"),
        css_template=(ASSETS / "token_picture.css").read_text(encoding="utf-8"),
        js_on_load=f"const ASKS = {'true' if asks else 'false'};\n{script}",
        apply_default_css=False,
        elem_id=elem_id,
        label=label,
    )


def token_picture(
    values: np.ndarray,
    grid: TokenGrid,
    *,
    title: str,
    unit: str,
    signed: bool = False,
    as_share: bool = False,
    subject: Mapping[str, Any] | None = None,
    frame_shares: list[dict[str, Any]] | None = None,
    readout: str = "",
    tubelet: int = 1,
    clip: str = "",
    file_name: str = "map",
    kinds: tuple[str, ...] = (LOGARITHMIC, LINEAR),
    film: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """What the browser draws of a map (t, h, w); NaN is left dark and called hidden.

    title, unit: words above the picture and beside its scale. as_share: amounts are fractions and
    written as percentages. subject: {kind, index} of what was asked about, outlined. frame_shares:
    {share, words} under each time step, `share` -1..1 of the bar's width. readout: what the button
    that asks about the read-out says, "" for none. clip: name of the film the map belongs to.
    kinds: colour scales to choose from, the first one shown at first. film: frames of its own, as
    `app.figures.film.film` packs them, for a map that is not of the page's clip.
    """
    scales = {}
    for kind in kinds:
        scale = scale_for(values, signed, kind)
        scales[kind] = {
            "heat": sprite(scale.colors(values)),
            "bar": scale.bar(),
            "ticks": scale.ticks(as_share),
        }
    told = values.size <= MOST_READ_OUT
    return {
        "grid": {"t": grid.t, "h": grid.h, "w": grid.w},
        "tubelet": tubelet,
        "clip": clip,
        "title": title,
        "unit": unit,
        "as_share": as_share,
        "scales": scales,
        "subject": dict(subject) if subject else None,
        "frames": frame_shares or [],
        "readout": readout,
        "values": [_number(value) for value in values.flat] if told else None,
        "file_name": file_name,
        "film": None if film is None else dict(film),
    }


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(f"{value:.3g}")
