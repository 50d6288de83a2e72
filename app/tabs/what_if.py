"""What if: one thing is done to the clip or to the scans, and the answer is given again."""

import json
from collections.abc import Iterator
from typing import Any

import gradio as gr

from analysis.attribution.edited_pass import DIRECTIONS
from analysis.attribution.faithfulness.baselines import BASELINES
from analysis.attribution.method import AttributionError
from app.api import endpoint_errors, requested_selection
from app.components.explanation import caption, how_it_is_computed, what_to_look_at
from app.components.export import exported, result_export
from app.components.notice import done, stopped, working
from app.components.region_picker import build_region_picker
from app.context import ANEW, HEAVY, RECALL, AppContext
from app.example_clips import list_examples
from app.faithfulness_runs import FILLS
from app.figures.number_format import duration
from app.figures.what_if import no_outcome_view, outcome_sentence, outcome_view
from app.selection import Selection
from app.session import Session, planned
from app.what_if_runs import (
    ALL_LAYERS,
    INTERVENTIONS,
    WITH_OTHER,
    WITH_PART,
    WITH_SCANS,
    Outcome,
    WhatIf,
    check_what,
    outcome,
    part_from,
)

ASK = (
    "Choose what to do and press What if: the table shows the answer before and after, and how far "
    "the logits move against what a linear model would expect."
)
BOTH = "both"
PASSES = 30
"""Forward passes that an intervention costs about: two answers, and a backward pass a class."""

HOW = """
The model runs twice on the same clip, once as it is and once with the intervention; every layer
after it works on what it is then given.

- **Cover a part:** the pixels of the chosen patches are replaced before the model sees them.
- **Silence in the scans:** the chosen patches keep steering the scans, but what their state
  would carry is left out: $y_t \\leftarrow y_t - \\sum_s \\alpha_{ts} u_s$ over them.
- **Scale step sizes:** $\\Delta_s \\leftarrow f\\,\\Delta_s$ for the chosen patches. Above 1 the
  states take in more of them and forget more of what was before; 0 passes over them.
- **State of another clip:** after the last patch of a time step the scan goes on from the state
  that it holds there on the other clip.
- **Reverse** and **shuffle time** reorder the frames (seed 0). **Switch a direction off** drops its
  scans and skips; **swap** reads it by the other direction's weights.

**Linear model:** with the intervention at strength $a$ from 0 to 1, the slope
$\\partial z_c / \\partial a$ at $a = 0$, times 1. **Exact:** both answers and the slope. Where
slope and change differ, the model bends in between, and a map of gradients would have misled.
"""


def build_what_if(context: AppContext) -> None:
    """Lay out the tab and connect it; registers the endpoint /what_if."""
    session = context.session
    with gr.Row(elem_classes="action-row"):
        run = gr.Button("What if", variant="primary", size="sm", elem_id="what-if-run")
        stop = gr.Button("Stop", size="sm", elem_id="what-if-stop")
        panel = context.panel("what_if", automatic=session.quick)
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
            baseline = gr.Dropdown(
                [(FILLS[key].capitalize(), key) for key in BASELINES],
                value="zero",
                label="Covered with",
                filterable=False,
                elem_id="what-if-baseline",
            )
            factor = gr.Slider(
                0, 8, 2, step=0.25, label="Step size times", visible=False, elem_id="what-if-factor"
            )
            step = gr.Slider(
                1, 4, 2, step=1, label="After time step", visible=False, elem_id="what-if-step"
            )
            other = gr.Dropdown(
                [(example.title, str(example.path)) for example in list_examples()],
                value=str(list_examples()[-1].path),
                label="The other clip",
                filterable=False,
                visible=False,
                elem_id="what-if-other",
            )
            directions = gr.Dropdown(
                [("Both", BOTH), *((key.capitalize(), key) for key in DIRECTIONS)],
                value=BOTH,
                label="Direction",
                filterable=False,
                visible=False,
                elem_id="what-if-directions",
            )
            layer = gr.Dropdown(
                [("All layers", ALL_LAYERS)],
                value=ALL_LAYERS,
                label="Layers",
                filterable=False,
                visible=False,
                elem_id="what-if-layer",
            )
    view = gr.HTML(no_outcome_view(), elem_id="what-if-outcome", apply_default_css=False)
    with gr.Row(elem_classes="under-row"):
        words = caption(ASK, "what-if-caption")
        export = result_export("what_if")
    how_it_is_computed(HOW)

    @panel.computing
    def ask(asked: Any, *values: Any) -> Iterator[dict]:
        selection = Selection(*values[len(choice) :])
        if asked == RECALL and not session.quick(selection):
            yield {panel.notice: done(f"Press What if{_about(session, selection)}.")}
            return
        if not session.ready.is_set():
            yield {panel.notice: working("Preparing the compiled scan, once on a new machine")}
            session.ready.wait()
        what = _what(selection, *values[: len(choice)])
        check_what(what, selection)
        yield {panel.notice: working(f"{INTERVENTIONS[what.name]}{_about(session, selection)}")}
        found = outcome(session, selection, what)
        yield {
            view: outcome_view(found),
            words: what_to_look_at(outcome_sentence(found, planned(selection).card.training)),
            export: _exported(selection, found),
            panel.shown: selection,
            panel.notice: done(f"Two answers in {duration(found['latency_ms'])}"),
        }

    def fields(name: str, baseline: str) -> dict:
        """Only what the intervention takes is shown."""
        scans = name in WITH_SCANS
        covers = name == "cover"
        return {
            part_place: gr.Column(visible=name in WITH_PART),
            baseline_menu: gr.Dropdown(visible=covers),
            factor: gr.Slider(visible=name == "scale_steps"),
            step: gr.Slider(visible=name == "patch_state"),
            other: gr.Dropdown(visible=name in WITH_OTHER or (covers and baseline == "other_clip")),
            directions: gr.Dropdown(visible=scans),
            layer: gr.Dropdown(visible=scans),
        }

    def fit(*values: Any) -> dict:
        """Layers and time steps of the chosen model."""
        config = planned(Selection(*values)).config
        layers = [(f"Layer {number + 1}", number) for number in range(config.depth)]
        steps = config.token_grid.t
        return {
            layer: gr.Dropdown([("All layers", ALL_LAYERS), *layers], value=ALL_LAYERS),
            step: gr.Slider(maximum=max(2, steps), value=max(1, steps // 2)),
        }

    baseline_menu = baseline
    choice = [name, picker, baseline, factor, layer, directions, step, other]
    quiet = {"show_progress": "hidden", "api_visibility": "private"}
    running = {**quiet, **HEAVY, "trigger_mode": "always_last"}
    inputs = [*choice, *context.selection_inputs]
    results = [view, words, export, panel.shown, panel.notice]
    shown_fields = [part_place, baseline, factor, step, other, directions, layer]
    asking = [
        run.click(ask, [gr.State(ANEW), *inputs], results, **running),
        panel.request.change(ask, [panel.request, *inputs], results, **running),
        picker.pick(ask, [gr.State(RECALL), *inputs], results, **running),
        gr.on(
            [
                factor.release,
                step.release,
                *(menu.input for menu in (name, baseline, layer, directions, other)),
            ],
            ask,
            [gr.State(RECALL), *inputs],
            results,
            **running,
        ),
    ]
    gr.on(
        [name.input, baseline.input], fields, [name, baseline], shown_fields, queue=False, **quiet
    )
    context.changed.change(fit, context.selection_inputs, [layer, step], queue=False, **quiet)
    stop.click(stopped, None, panel.notice, cancels=asking, queue=False, **quiet)
    _build_endpoint(session, context.model.value)


def _what(
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
    grid = planned(selection).config.token_grid
    return WhatIf(
        name=name,
        part=part_from(part, grid),
        baseline=baseline,
        factor=float(factor),
        layer=int(layer),
        directions=tuple(DIRECTIONS) if directions == BOTH else (directions,),
        step=min(int(step), grid.t) - 1,
        other=other or "",
    )


def _about(session: Session, selection: Selection) -> str:
    estimate = PASSES * session.estimate_ms(selection)
    return f": about {duration(estimate)}" if estimate > 3000 else ""


def _exported(selection: Selection, found: Outcome) -> dict:
    settings = {
        "clip": selection.clip_name,
        "model": selection.model,
        "num_frames": selection.num_frames,
        "image_size": selection.image_size,
        "scan_order": selection.scan_order,
        "intervention": found["intervention"],
        **found["settings"],
    }
    return exported(f"{selection.clip_name}-what-if", [found], settings, found["classes"])


def _build_endpoint(session: Session, default_model: str) -> None:
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


SETTINGS = {
    "baseline": str,
    "factor": (int, float),
    "layer": int,
    "directions": list,
    "step": int,
    "seed": int,
}


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
