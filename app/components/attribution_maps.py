"""Maps of several methods side by side over the playing clip, one card each."""

from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

from analysis.prediction import SampledClip
from app.figures.evidence import Map, evidence_by_step, grid_values, step_words
from app.figures.film import clip_identity
from app.figures.heat import heat_sprite, legend_gradient
from app.figures.map_card import failed_card, map_card, method_color, waiting_card
from app.theme import ASSETS


def build_attribution_maps(value: str) -> gr.HTML:
    """The component; its value is what `attribution_maps` gives, packed."""
    template = (ASSETS / "attribution_maps.html").read_text(encoding="utf-8")
    for kind, signed in (("DIVERGING", True), ("SEQUENTIAL", False)):
        template = template.replace(kind, legend_gradient(signed))
    return gr.HTML(
        value,
        html_template=template,
        css_template=(ASSETS / "attribution_maps.css").read_text(encoding="utf-8"),
        js_on_load=(ASSETS / "attribution_maps.js").read_text(encoding="utf-8"),
        apply_default_css=False,
        elem_id="attribution-maps",
        label="Maps of the evidence",
    )


def attribution_maps(
    methods: Sequence[str],
    maps: Mapping[str, Map],
    *,
    tubelet: int = 1,
    sampled: SampledClip | None = None,
    failures: Mapping[str, str] | None = None,
    note: str = "",
    pixel_heat: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """What the browser draws: a card for each of `methods`, empty where there is no map yet.

    sampled: the clip of the maps; heat is laid over the page's frames only while they are its.
    failures: sentences of methods that cannot explain this model. note: for cards that wait.
    pixel_heat: sprites of methods that work on pixels, as `app.attributions.pixel_heat` gives them.
    """
    failures = failures or {}
    pixel_heat = pixel_heat or {}
    return {
        "clip": None if sampled is None else clip_identity(sampled),
        "cards": [
            _card(name, maps, tubelet, failures, note) | {"pixel_heat": pixel_heat.get(name)}
            for name in methods
        ],
    }


def _card(
    name: str, maps: Mapping[str, Map], tubelet: int, failures: Mapping[str, str], note: str
) -> dict[str, Any]:
    card = {"method": name, "color": method_color(name), "heat": None, "steps": []}
    if name in failures:
        return card | {"html": failed_card(name, failures[name])}
    if name not in maps:
        return card | {"html": waiting_card(name, note)}
    one = maps[name]
    steps = [
        {"for": a, "against": b, "words": step_words(i, a, b, tubelet, one["signed"])}
        for i, (a, b) in enumerate(evidence_by_step(one))
    ]
    return card | {
        "html": map_card(one, tubelet),
        "label": f"{one['title']}: evidence for {one['label']}",
        "heat": heat_sprite(grid_values(one), one["signed"]),
        "grid": one["grid"],
        "tubelet": tubelet,
        "steps": steps,
    }
