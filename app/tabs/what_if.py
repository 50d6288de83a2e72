"""What if: one thing is done to the clip or to the scans, and the answer is given again."""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from app.components.explanation import caption, how_it_is_computed, what_to_look_at
from app.components.export import exported, result_export
from app.components.notice import done, stopped, working
from app.context import ANEW, HEAVY, RECALL, AppContext
from app.figures.number_format import duration
from app.figures.what_if import no_outcome_view, outcome_sentence, outcome_view
from app.selection import Selection
from app.session import Session, planned
from app.tabs.what_if_controls import build_controls, requested, wire_controls
from app.tabs.what_if_endpoint import build_what_if_endpoint
from app.what_if_runs import INTERVENTIONS, Outcome, check_what, outcome

ASK = (
    "Choose what to do and press What if: the table shows the answer before and after, and how far "
    "the logits move against what a linear model would expect."
)
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
    controls = build_controls()
    view = gr.HTML(no_outcome_view(), elem_id="what-if-outcome", apply_default_css=False)
    with gr.Row(elem_classes="under-row"):
        words = caption(ASK, "what-if-caption")
        export = result_export("what_if")
    how_it_is_computed(HOW)
    controlled = len(controls.parts)

    @panel.computing
    def ask(asked: Any, *values: Any) -> Iterator[dict]:
        chosen, selection = values[:controlled], Selection(*values[controlled:])
        if asked == RECALL and not session.quick(selection):
            yield {panel.notice: done(f"Press What if{_about(session, selection)}.")}
            return
        if not session.ready.is_set():
            yield {panel.notice: working("Preparing the compiled scan, once on a new machine")}
            session.ready.wait()
        what = requested(selection, *chosen)
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

    quiet = {"show_progress": "hidden", "api_visibility": "private"}
    running = {**quiet, **HEAVY, "trigger_mode": "always_last"}
    inputs = [*controls.parts, *context.selection_inputs]
    results = [view, words, export, panel.shown, panel.notice]
    asking = [
        run.click(ask, [gr.State(ANEW), *inputs], results, **running),
        panel.request.change(ask, [panel.request, *inputs], results, **running),
        controls.picker.pick(ask, [gr.State(RECALL), *inputs], results, **running),
        gr.on(controls.moved, ask, [gr.State(RECALL), *inputs], results, **running),
    ]
    wire_controls(controls, context)
    stop.click(stopped, None, panel.notice, cancels=asking, queue=False, **quiet)
    build_what_if_endpoint(session, context.model.value)


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
