"""Predict: what a model says about the clip, how sure it is, and what the answer cost."""

from collections.abc import Iterator
from dataclasses import asdict

import gradio as gr

from analysis.prediction import Prediction, WindowPrediction
from app.answers import answer, fresh_answer, in_own_setting, recalled_answer
from app.components.explanation import how_it_is_computed, what_to_look_at
from app.components.export import exported, result_export
from app.components.notice import done, guarded, stopped, working
from app.components.setting_note import setting_note
from app.components.sidebar import weights_choices
from app.context import ANEW, HEAVY, RECALL, AppContext
from app.figures.number_format import duration
from app.figures.run_facts import no_run_facts, run_facts
from app.figures.sentences import (
    answer_sentence,
    comparison_sentence,
    timeline_sentence,
)
from app.figures.timeline import no_timeline_view, timeline_view
from app.figures.top_k import answer_view, no_answer_view
from app.selection import Selection
from app.session import Session
from app.theme import ASSETS
from app.window_answers import WINDOW_LENGTHS_S, plan_windows, window_answers

UNASKED_MS = 10_000
"""A timeline estimated to take longer waits for a click."""
TABLE_CLASSES = 20
"""Classes per window in the exported table: more than can be shown, few enough to send."""

HOW_ANSWER = """
Frames are chosen by the rule of the weights' data set, spread over the whole clip, resized and
cropped to the model's square, then read in one forward pass:
$p = \\mathrm{softmax}(W\\,\\mathrm{readout}(\\mathrm{tokens}) + b)$.

- **Exact:** the probabilities are those of the loaded weights in the setting shown.
- **Time** is the forward pass alone; decoding is beside it. **Memory** is the peak above the
  weights and the input during that pass.
- **Probabilities are not calibrated:** 90 % does not promise nine right answers in ten.
- **Reordered** means the weights run in a scan order they were not trained in.

Source: VideoMamba (Li et al., 2024), sections 3.1 to 3.3.
"""

HOW_TIMELINE = """
The clip is cut into windows that overlap by half. Each window is sampled, read and answered like a
whole clip, and its answer is drawn around the window's centre. Very long clips use longer steps,
so that at most 60 windows are read.
"""

SHORT_CLIP = "This clip is too short for two windows of this length; the answer above covers it."
ASK_TIMELINE = "Press Read along the clip to see how the answer changes over time."


def build_predict(context: AppContext) -> None:
    """Lay out the tab and connect it."""
    session = context.session
    with gr.Row(elem_classes="action-row"):
        run = gr.Button("Predict", variant="primary", size="sm", elem_id="predict-run")
        stop = gr.Button("Stop", size="sm", elem_id="predict-stop")
        panel = context.panel("predict", automatic=lambda chosen: _ready(session, chosen))
        others = gr.Dropdown(
            weights_choices(),
            value=[],
            multiselect=True,
            max_choices=3,
            label="Side by side with",
            elem_id="predict-others",
            elem_classes="inline-field",
        )
    with gr.Row(elem_classes="result-row"):
        with gr.Column(scale=7, min_width=320):
            view = gr.HTML(no_answer_view(), elem_id="predict-answer", apply_default_css=False)
        with gr.Column(scale=4, min_width=280):
            facts = gr.HTML(no_run_facts(), elem_id="predict-facts", apply_default_css=False)
    with gr.Row(elem_classes="under-row"):
        caption = gr.HTML(what_to_look_at(""), elem_id="predict-caption", apply_default_css=False)
        export = result_export("predict")
    how_it_is_computed(HOW_ANSWER)
    with gr.Row(elem_classes="section-row"):
        gr.HTML('<h3 class="section-heading">Along the clip</h3>', apply_default_css=False)
        window = gr.Dropdown(
            [(f"{length_s:g} s", length_s) for length_s in WINDOW_LENGTHS_S],
            value=2.0,
            label="Window",
            filterable=False,
            elem_id="window-length",
            elem_classes="inline-field",
        )
        read_along = gr.Button("Read along the clip", size="sm", elem_id="timeline-run")
    timeline = gr.HTML(
        no_timeline_view(ASK_TIMELINE),
        js_on_load=(ASSETS / "timeline.js").read_text(encoding="utf-8"),
        elem_id="predict-timeline",
        apply_default_css=False,
    )
    with gr.Row(elem_classes="under-row"):
        along_caption = gr.HTML(what_to_look_at(""), apply_default_css=False)
        along_export = result_export("timeline")
    how_it_is_computed(HOW_TIMELINE)

    @panel.computing
    def predict(
        asked: str | Selection,
        clip: str,
        model: str,
        frames: int,
        size: int,
        order: str,
        others: list[str],
        progress: gr.Progress = gr.Progress(),  # noqa: B008 (Gradio finds it by its default)
    ) -> Iterator[dict]:
        selection = Selection(clip, model, frames, size, order)
        if not session.ready.is_set():
            yield {panel.notice: working("Preparing the compiled scan, once on a new machine")}
            session.ready.wait()
        yield {panel.notice: working(_stage(selection))}
        first = (fresh_answer if asked == ANEW else answer)(session, selection, progress)
        answers = [first.prediction]
        yield {
            view: answer_view(answers),
            facts: run_facts(first.prediction, first.recalled),
            caption: what_to_look_at(answer_sentence(first.prediction)),
            export: _exported(answers),
            context.note: setting_note(selection, session),
            panel.shown: selection,
            panel.notice: done(_finished(first.prediction, first.recalled)),
        }
        for name in (other for other in others if other != model):
            compared = in_own_setting(selection, name)
            yield {panel.notice: working(_stage(compared))}
            answers.append(answer(session, compared, progress).prediction)
            yield {
                view: answer_view(answers),
                caption: what_to_look_at(comparison_sentence(answers)),
                export: _exported(answers),
                panel.notice: done(f"{len(answers)} models answered"),
            }

    @guarded(panel.notice)
    def follow(asked: bool, window_s: float, *values) -> Iterator[dict]:
        selection = Selection(*values)
        plan = plan_windows(selection.clip, window_s)
        estimate_ms = plan.count * session.estimate_ms(selection)
        why_not = SHORT_CLIP if plan.count < 2 else ""
        if not asked and estimate_ms > UNASKED_MS:
            why_not = why_not or f"{ASK_TIMELINE} It takes about {duration(estimate_ms)}."
        if why_not:
            yield {
                timeline: no_timeline_view(why_not),
                along_caption: what_to_look_at(""),
                along_export: None,
            }
            return
        windows: list[WindowPrediction] = []
        for one in window_answers(session, selection, plan):
            windows.append(one)
            yield {
                timeline: timeline_view(windows, plan.duration_s, plan.stride_s),
                panel.notice: working(f"Window {len(windows)} of {plan.count}"),
            }
        yield {
            along_caption: what_to_look_at(timeline_sentence(windows)),
            along_export: _exported_windows(windows),
            panel.notice: done(f"{len(windows)} windows of {window_s:g} s read"),
        }

    quiet = {
        "show_progress": "minimal",
        "show_progress_on": panel.notice,
        "api_visibility": "private",
    }
    running = {**quiet, **HEAVY, "trigger_mode": "always_last"}
    chosen = [*context.selection_inputs, others]
    results = [view, facts, caption, export, context.note, panel.shown, panel.notice]
    along_chosen = [window, *context.selection_inputs]
    along = [timeline, along_caption, along_export, panel.notice]
    events = [
        run.click(predict, [gr.State(ANEW), *chosen], results, **running),
        others.input(predict, [gr.State(RECALL), *chosen], results, **running),
        panel.request.change(predict, [panel.request, *chosen], results, **running),
        panel.shown.change(follow, [gr.State(False), *along_chosen], along, **running),
        gr.on(
            [read_along.click, window.input],
            follow,
            [gr.State(True), *along_chosen],
            along,
            **running,
        ),
    ]
    stop.click(
        stopped,
        None,
        panel.notice,
        cancels=events,
        queue=False,
        show_progress="hidden",
        api_visibility="private",
    )


def _ready(session: Session, selection: Selection) -> bool:
    """Whether the answer is quick to compute or known already."""
    return session.quick(selection) or recalled_answer(session, selection) is not None


def _stage(selection: Selection) -> str:
    frames = "1 frame" if selection.num_frames == 1 else f"{selection.num_frames} frames"
    return f"Reading {frames} with {selection.model}"


def _finished(prediction: Prediction, recalled: bool) -> str:
    total = duration(prediction.latency_ms + prediction.decode_ms)
    return f"Recalled; it took {total}" if recalled else f"Answered in {total}"


def _exported(answers: list[Prediction]) -> dict:
    table = [
        {
            "clip": one.clip,
            "model": one.model,
            "training": one.training,
            "relation": one.relation,
            "scan_order": one.scan_order,
            "rank": rank,
            "label": entry.label,
            "probability": entry.probability,
        }
        for one in answers
        for rank, entry in enumerate(one.predictions, start=1)
    ]
    first = answers[0]
    settings = {"clip": first.clip, "models": [one.model for one in answers]}
    return exported(f"{first.clip}-prediction", [asdict(one) for one in answers], settings, table)


def _exported_windows(windows: list[WindowPrediction]) -> dict:
    first = windows[0].prediction
    table = [
        {
            "clip": first.clip,
            "model": first.model,
            "training": first.training,
            "start_s": window.start_s,
            "end_s": window.end_s,
            "label": entry.label,
            "probability": entry.probability,
        }
        for window in windows
        for entry in window.prediction.predictions[:TABLE_CLASSES]
    ]
    settings = {
        "clip": first.clip,
        "model": first.model,
        "scan_order": first.scan_order,
    }
    return exported(
        f"{first.clip}-timeline",
        [asdict(window) for window in windows],
        settings,
        table,
    )
