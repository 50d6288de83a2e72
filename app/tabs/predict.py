"""Predict: what a model says about the clip, how sure it is, and what the answer cost."""

from collections.abc import Iterator
from dataclasses import asdict

import gradio as gr

from analysis.prediction import Prediction, WindowPrediction, predict_timeline
from analysis.video.probe import probe
from app.answers import answer, in_own_setting, prediction_from
from app.components.explanation import how_it_is_computed, what_to_look_at
from app.components.export import exported, result_export
from app.components.notice import done, guarded, stopped, working
from app.components.sidebar import weights_choices
from app.context import HEAVY, AppContext
from app.figures.number_format import duration, significant
from app.figures.run_facts import no_run_facts, run_facts
from app.figures.sentences import answer_sentence, comparison_sentence, timeline_sentence
from app.figures.timeline import no_timeline_view, timeline_view
from app.figures.top_k import answer_view, no_answer_view
from app.selection import Selection
from app.theme import ASSETS

WINDOW_CHOICES = (("1 s", 1.0), ("2 s", 2.0), ("4 s", 4.0), ("8 s", 8.0))
MOST_WINDOWS = 60
TIMELINE_LABELS = 20
"""Classes kept per window of a timeline: more than can be shown, few enough to send."""

HOW_ANSWER = """
Frames are chosen by the rule of the weights' data set, spread over the whole clip, resized and
cropped to the model's square, then read in one forward pass:
$p = \\mathrm{softmax}(W\\,\\mathrm{readout}(\\mathrm{tokens}) + b)$.

- **Exact:** the probabilities are those of the loaded weights in the setting shown.
- **Time** is one forward pass after warm-up, decoding apart. **Memory** is the peak above the
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
        panel = context.panel("predict", automatic=session.quick)
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
        caption = gr.HTML(
            what_to_look_at(""), elem_id="predict-caption", apply_default_css=False
        )
        export = result_export("predict")
    with how_it_is_computed():
        gr.Markdown(HOW_ANSWER)
    with gr.Row(elem_classes="section-row"):
        gr.HTML('<h3 class="section-heading">Along the clip</h3>', apply_default_css=False)
        window = gr.Dropdown(
            list(WINDOW_CHOICES),
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
    with how_it_is_computed():
        gr.Markdown(HOW_TIMELINE)

    @guarded(panel.notice)
    def predict(
        clip: str,
        model: str,
        frames: int,
        size: int,
        order: str,
        others: list[str],
        progress: gr.Progress = gr.Progress(),  # noqa: B008 (Gradio finds it by its default)
    ) -> Iterator[dict]:
        selection = Selection(clip, model, frames, size, order)
        yield {panel.notice: working(_stage(selection))}
        first = answer(session, selection, progress)
        answers = [first.prediction]
        yield {
            context.filmstrip: first.film,
            view: answer_view(answers),
            facts: run_facts(first.prediction, first.recalled),
            caption: what_to_look_at(answer_sentence(first.prediction)),
            export: _exported(answers),
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
    def follow(window_s: float, asked: bool, *values) -> Iterator[dict]:
        selection = Selection(*values)
        length_s = probe(selection.clip).duration_s
        stride_s = max(window_s / 2, (length_s - window_s) / (MOST_WINDOWS - 1))
        count = 1 + int((length_s - window_s) / stride_s + 1e-6) if length_s > window_s else 0
        if count < 2:
            yield {timeline: no_timeline_view(SHORT_CLIP), along_caption: what_to_look_at(""),
                   along_export: None}
            return
        if not asked and count * session.estimate_ms(selection) > 10_000:
            estimate = duration(count * session.estimate_ms(selection))
            yield {timeline: no_timeline_view(f"{ASK_TIMELINE} It takes about {estimate}."),
                   along_caption: what_to_look_at(""), along_export: None}
            return
        windows: list[WindowPrediction] = []
        for one in _windows(context, selection, window_s, stride_s):
            windows.append(one)
            yield {timeline: timeline_view(windows, length_s, stride_s),
                   panel.notice: working(f"Window {len(windows)} of {count}")}
        yield {
            along_caption: what_to_look_at(timeline_sentence(windows)),
            along_export: _exported_windows(windows),
            panel.notice: done(f"{len(windows)} windows of {significant(window_s)} s read"),
        }

    quiet = {"show_progress": "minimal", "show_progress_on": panel.notice,
             "api_visibility": "private"}
    predicting = gr.on(
        [run.click, others.input, panel.request.change],
        predict,
        [*context.selection_inputs, others],
        [context.filmstrip, view, facts, caption, export, panel.shown, panel.notice],
        trigger_mode="always_last",
        **quiet,
        **HEAVY,
    )
    along = [timeline, along_caption, along_export, panel.notice]
    unasked, asked = gr.State(False), gr.State(True)
    following = [
        panel.shown.change(
            follow, [window, unasked, *context.selection_inputs], along,
            trigger_mode="always_last", **quiet, **HEAVY,
        ),
        gr.on(
            [read_along.click, window.input],
            follow, [window, asked, *context.selection_inputs], along,
            trigger_mode="always_last", **quiet, **HEAVY,
        ),
    ]
    stop.click(
        stopped, None, panel.notice, cancels=[predicting, *following], queue=False,
        show_progress="hidden", api_visibility="private",
    )


def _windows(
    context: AppContext, selection: Selection, window_s: float, stride_s: float
) -> Iterator[WindowPrediction]:
    """Windows recalled from an earlier run, or read now and remembered when all are there."""
    session = context.session
    with session.loaded(selection) as loaded:
        key = session.key("timeline", selection, window_s, round(stride_s, 6))
    kept = session.recall(key)
    if kept is not None:
        yield from (_window_from(entry) for entry in kept["windows"])
        return
    windows = []
    reading = predict_timeline(loaded, selection.clip, window_s=window_s, stride_s=stride_s)
    while True:
        with session.loaded(selection):  # only while a window is read, not while it is sent
            window = next(reading, None)
        if window is None:
            break
        windows.append(window)
        yield window
    session.remember(key, {"windows": [asdict(window) for window in windows]})


def _window_from(payload: dict) -> WindowPrediction:
    return WindowPrediction(**{**payload, "prediction": prediction_from(payload["prediction"])})


def _stage(selection: Selection) -> str:
    frames = "1 frame" if selection.num_frames == 1 else f"{selection.num_frames} frames"
    return f"{selection.model} reads {frames} of {selection.clip_name}"


def _finished(prediction: Prediction, recalled: bool) -> str:
    total = duration(prediction.latency_ms + prediction.decode_ms)
    return f"Recalled; it took {total}" if recalled else f"Answered in {total}"


def _exported(answers: list[Prediction]) -> dict:
    table = [
        {"clip": one.clip, "model": one.model, "training": one.training,
         "relation": one.relation, "scan_order": one.scan_order, "rank": rank,
         "label": entry.label, "probability": entry.probability}
        for one in answers
        for rank, entry in enumerate(one.predictions, start=1)
    ]
    first = answers[0]
    settings = {"clip": first.clip, "models": [one.model for one in answers]}
    return exported(f"{first.clip}-prediction", [asdict(one) for one in answers], settings, table)


def _exported_windows(windows: list[WindowPrediction]) -> dict:
    first = windows[0].prediction
    table = [
        {"clip": first.clip, "model": first.model, "training": first.training,
         "start_s": window.start_s, "end_s": window.end_s, "label": entry.label,
         "probability": entry.probability}
        for window in windows
        for entry in window.prediction.predictions[:TIMELINE_LABELS]
    ]
    settings = {"clip": first.clip, "model": first.model, "scan_order": first.scan_order}
    return exported(
        f"{first.clip}-timeline", [asdict(window) for window in windows], settings, table
    )
