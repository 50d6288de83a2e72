"""The controls of What if: what is done, to which part of the clip, with what."""

from dataclasses import dataclass

import gradio as gr

from analysis.attribution.faithfulness.baselines import BASELINES
from analysis.tracing.scan_trace import DIRECTIONS
from app.components.region_picker import build_region_picker
from app.context import AppContext
from app.example_clips import list_examples
from app.faithfulness_runs import FILLS
from app.selection import Selection
from app.session import planned
from app.what_if_runs import (
    ALL_LAYERS,
    INTERVENTIONS,
    WITH_OTHER,
    WITH_PART,
    WITH_SCANS,
    WhatIf,
    part_from,
)

BOTH = "both"


@dataclass(frozen=True)
class Controls:
    """The placed controls."""

    name: gr.Radio
    part_place: gr.Column
    picker: gr.HTML
    baseline: gr.Dropdown
    factor: gr.Slider
    step: gr.Slider
    other: gr.Dropdown
    directions: gr.Dropdown
    layer: gr.Dropdown

    @property
    def parts(self) -> list[gr.components.Component]:
        """What to list as inputs; their values are what `requested` takes."""
        return [
            *(self.name, self.picker, self.baseline, self.factor),
            *(self.layer, self.directions, self.step, self.other),
        ]

    @property
    def moved(self) -> list:
        """The events after which the question is another one, the picker's apart."""
        menus = (self.name, self.baseline, self.layer, self.directions, self.other)
        return [self.factor.release, self.step.release, *(menu.input for menu in menus)]


def build_controls() -> Controls:
    """Place the controls; only those that covering a part takes are shown at first."""
    with gr.Row(elem_classes="what-if-row"):
        with gr.Column(scale=5, min_width=300):
            name = gr.Radio(
                [(words, key) for key, words in INTERVENTIONS.items()],
                value="cover",
                label="What is done",
                elem_id="what-if-name",
            )
        with gr.Column(scale=5, min_width=320) as part_place:
            picker = build_region_picker("what-if-part")
        with gr.Column(scale=3, min_width=150, elem_classes="plain-fields"):
            fills = [(FILLS[key].capitalize(), key) for key in BASELINES]
            clips = [(example.title, str(example.path)) for example in list_examples()]
            directions = [("Both", BOTH), *((key.capitalize(), key) for key in DIRECTIONS)]
            return Controls(
                name=name,
                part_place=part_place,
                picker=picker,
                baseline=_menu(fills, "zero", "Covered with", "baseline", visible=True),
                factor=_slider(0, 8, 0.25, "Step size times", "factor"),
                step=_slider(1, 4, 1, "After time step", "step"),
                other=_menu(clips, clips[-1][1], "The other clip", "other"),
                directions=_menu(directions, BOTH, "Direction", "directions"),
                layer=_menu([("All layers", ALL_LAYERS)], ALL_LAYERS, "Layers", "layer"),
            )


def _menu(
    choices: list, value: object, label: str, name: str, visible: bool = False
) -> gr.Dropdown:
    return gr.Dropdown(
        choices,
        value=value,
        label=label,
        filterable=False,
        visible=visible,
        elem_id=f"what-if-{name}",
    )


def _slider(least: float, most: float, step: float, label: str, name: str) -> gr.Slider:
    return gr.Slider(
        least, most, 2, step=step, label=label, visible=False, elem_id=f"what-if-{name}"
    )


def wire_controls(controls: Controls, context: AppContext) -> None:
    """Show what the intervention takes, and offer what the chosen model has."""

    def fields(name: str, baseline: str) -> dict:
        scans = name in WITH_SCANS
        covers = name == "cover"
        other = name in WITH_OTHER or (covers and baseline == "other_clip")
        return {
            controls.part_place: gr.Column(visible=name in WITH_PART),
            controls.baseline: gr.Dropdown(visible=covers),
            controls.factor: gr.Slider(visible=name == "scale_steps"),
            controls.step: gr.Slider(visible=name == "patch_state"),
            controls.other: gr.Dropdown(visible=other),
            controls.directions: gr.Dropdown(visible=scans),
            controls.layer: gr.Dropdown(visible=scans),
        }

    def fit(selection: Selection) -> dict:
        config = planned(selection).config
        layers = [(f"Layer {number + 1}", number) for number in range(getattr(config, "depth", 0))]
        steps = config.token_grid.t
        return {
            controls.layer: gr.Dropdown([("All layers", ALL_LAYERS), *layers], value=ALL_LAYERS),
            controls.step: gr.Slider(maximum=max(2, steps), value=max(1, steps // 2)),
        }

    quiet = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    gr.on(
        [controls.name.input, controls.baseline.input],
        fields,
        [controls.name, controls.baseline],
        [
            *(controls.part_place, controls.baseline, controls.factor, controls.step),
            *(controls.other, controls.directions, controls.layer),
        ],
        **quiet,
    )
    context.changed.change(fit, context.changed, [controls.layer, controls.step], **quiet)


def requested(
    selection: Selection,
    name: str,
    part: object,
    baseline: str,
    factor: float,
    layer: int,
    directions: str,
    step: int,
    other: str,
) -> WhatIf:
    """What the values of `Controls.parts` ask for."""
    grid = planned(selection).config.token_grid
    return WhatIf(
        name=name,
        part=part_from(part, grid),
        baseline=baseline,
        factor=float(factor),
        layer=int(layer),
        directions=DIRECTIONS if directions == BOTH else (directions,),
        step=min(int(step), grid.t) - 1,
        other=other or "",
    )
