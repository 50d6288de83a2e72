"""/what_if: an intervention on a clip, for programs."""

import json

import gradio as gr

from analysis.attribution.method import AttributionError
from app.api import endpoint_errors, requested_selection
from app.context import HEAVY
from app.selection import Selection
from app.session import Session, planned
from app.what_if_runs import INTERVENTIONS, WhatIf, check_what, outcome, part_from

SETTINGS = {
    "baseline": str,
    "factor": (int, float),
    "layer": int,
    "directions": list,
    "step": int,
    "seed": int,
}


def build_what_if_endpoint(session: Session, default_model: str) -> None:
    """Register /what_if; its widgets are never shown."""

    @endpoint_errors
    def what_if(
        file: str | None,
        model: str,
        intervention: str,
        settings: str,
        other: str | None,
        frames: float | None,
        resolution: float | None,
        scan_order: str,
    ) -> dict:
        selection = requested_selection(file, model, frames, resolution, scan_order)
        what = requested_what(intervention, settings, other or "", selection)
        check_what(what, selection)
        return outcome(session, selection, what)

    with gr.Row(visible=False):
        file = gr.File(label="file")
        model = gr.Textbox(default_model, label="model")
        intervention = gr.Textbox("cover", label="intervention")
        settings = gr.Textbox("{}", label="settings")
        other = gr.File(label="other")
        frames = gr.Number(0, label="frames", precision=0)
        resolution = gr.Number(0, label="resolution", precision=0)
        scan_order = gr.Textbox("", label="scan_order")
        result = gr.JSON(label="result")
        gr.Button("what_if").click(
            what_if,
            [file, model, intervention, settings, other, frames, resolution, scan_order],
            result,
            api_name="what_if",
            api_description=(
                f"The answer before and after an intervention ({', '.join(INTERVENTIONS)}), with "
                "the change of each logit and what its slope predicts. `settings` is JSON with any "
                "of part ({steps, rows, columns}: lists of numbers on the token grid), baseline, "
                "factor, layer (-1: all), directions (list), step and seed; `other` is the clip "
                "that a state or pixels come from."
            ),
            **HEAVY,
        )


def requested_what(name: str, settings: str, other: str, selection: Selection) -> WhatIf:
    """What a program asks for. Raises AttributionError, one sentence, for what does not fit."""
    try:
        given = json.loads(settings or "{}")
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise AttributionError(f"settings must be a JSON object, got {settings[:60]!r}.")
    part = given.pop("part", None)
    for key, value in given.items():
        if key not in SETTINGS:
            raise AttributionError(
                f"There is no setting {key!r}; send some of part, {', '.join(SETTINGS)}."
            )
        if isinstance(value, bool) or not isinstance(value, SETTINGS[key]):
            raise AttributionError(f"The setting {key} cannot be {value!r}.")
    if name not in INTERVENTIONS:
        raise AttributionError(
            f"There is no intervention {name!r}; choose {', '.join(INTERVENTIONS)}."
        )
    if "directions" in given:
        given["directions"] = tuple(given["directions"])
    grid = planned(selection).config.token_grid
    return WhatIf(name=name, part=part_from(part, grid), other=other, **given)
