"""Effects in Masking: what missing tokens do to the answer, and what they save."""

import time
from collections.abc import Iterator

import gradio as gr

from app.components.explanation import caption, how_it_is_computed, section_heading, what_to_look_at
from app.components.export import exported, result_export
from app.components.notice import done, empty_notice, failed, guarded, stopped, working
from app.components.titled_plot import titled_plot
from app.context import HEAVY, AppContext
from app.figures.mask_effect_sentences import (
    effects_sentence,
    saving_sentence,
    similarity_sentence,
)
from app.figures.mask_effects import EFFECTS, effect_figure, saving_figure
from app.figures.number_format import duration
from app.mask_effect_runs import (
    EffectCurves,
    EffectQuestion,
    effect_curves,
    effect_document,
    effect_rows,
    effect_settings,
    estimated_effects_ms,
    known_curves,
)
from app.mask_runs import DRAWS, MaskQuestion
from app.session import Session
from app.tabs.masking_effects_endpoint import build_mask_effects_endpoint
from app.tabs.masking_metrics_how import HOW_EFFECTS

DRAW_FIRST = "There is no clip to mask yet."
PATIENCES = 5
"""How many times longer than an answer the curves may take and still start without a click: they
are seen to grow."""
PAUSE_S = 0.3
"""Between two pictures of growing curves."""


def build_masking_effects(
    context: AppContext, question: gr.State, figures: gr.events.Dependency
) -> None:
    """Place the section; it follows `question`, a MaskQuestion or None. Registers /mask_effects.

    Its work is long, so it begins when the event `figures`, which follows `question` too, is done.
    """
    session = context.session
    with gr.Row(elem_classes="section-row"):
        section_heading("What they do to the answer")
        run = gr.Button("Measure", size="sm", variant="primary", elem_id="mask-effects-run")
        stop = gr.Button("Stop", size="sm", elem_id="mask-effects-stop")
    notice = gr.HTML(
        empty_notice(),
        apply_default_css=False,
        elem_id="mask-effects-notice",
        elem_classes="notice-line",
    )
    plots: dict[str, gr.Plot] = {}
    with gr.Row(elem_classes="figure-row"):
        for name in ("probability", "same_answer"):
            with gr.Column(min_width=320):
                plots[name] = titled_plot(effect_figure(None, name), EFFECTS[name].title)
    words = caption(effects_sentence(None), "mask-effects-caption")
    with gr.Row(elem_classes="figure-row"):
        with gr.Column(min_width=320):
            name = "readout_similarity"
            plots[name] = titled_plot(effect_figure(None, name), EFFECTS[name].title)
            similarity_words = caption(similarity_sentence(None, None))
        with gr.Column(min_width=320):
            saving = titled_plot(saving_figure(None), "What a masked pass costs")
            saving_words = caption(saving_sentence(None), "mask-saving-caption")
    with gr.Row(elem_classes="under-row"):
        how_it_is_computed(HOW_EFFECTS)
        export = result_export("mask_effects")

    def drawn(curves: EffectCurves | None, chosen: str) -> dict:
        return {
            **{plot: effect_figure(curves, name, chosen) for name, plot in plots.items()},
            saving: saving_figure(curves),
            words: what_to_look_at(effects_sentence(curves)),
            similarity_words: what_to_look_at(similarity_sentence(curves, chosen)),
            saving_words: what_to_look_at(saving_sentence(curves)),
            export: None if curves is None else _exported(curves),
        }

    def growing(asked: MaskQuestion, anew: bool = False) -> Iterator[dict]:
        chosen = asked.setting.strategy
        yield {notice: working("Answers from masked clips")}
        for curves in _paced(effect_curves(session, _curves_of(asked), anew=anew)):
            said = f"{len(curves.points) + len(curves.costs)} of {curves.steps} points"
            yield {**drawn(curves, chosen), notice: working(said)}
        yield {notice: done(_stands(curves))}

    @guarded(notice)
    def show(asked: MaskQuestion | None) -> Iterator[dict]:
        if asked is None:
            yield {notice: gr.skip()}
            return
        curves = known_curves(session, _curves_of(asked))
        complete = curves is not None and curves.complete
        if not complete and _soon(session, asked):
            yield from growing(asked)
            return
        parts = drawn(curves, asked.setting.strategy)
        if complete:
            yield {**parts, notice: done(_stands(curves))}
            return
        about = duration(estimated_effects_ms(session, _curves_of(asked)))
        yield {**parts, notice: done(f"Press Measure to see the curves: about {about}.")}

    @guarded(notice)
    def measure(asked: MaskQuestion | None) -> Iterator[dict]:
        if asked is None:
            yield {notice: failed(DRAW_FIRST)}
            return
        yield from growing(asked, anew=True)

    outputs = [*plots.values(), saving, words, similarity_words, saving_words, export, notice]
    quiet = {"show_progress": "hidden", "api_visibility": "private"}
    running = {**quiet, **HEAVY, "trigger_mode": "always_last"}
    events = [
        figures.then(show, question, outputs, **running),
        run.click(measure, question, outputs, **running),
    ]
    stop.click(stopped, None, notice, cancels=events, queue=False, **quiet)
    build_mask_effects_endpoint(session, context.model.value)


def _curves_of(asked: MaskQuestion) -> EffectQuestion:
    return EffectQuestion(asked.selection, asked.setting.seed)


def _soon(session: Session, asked: MaskQuestion) -> bool:
    """Whether the curves should come fast enough to start without a click."""
    if not session.quick(asked.selection):
        return False
    patience_ms = 1000 * PATIENCES * session.settings.patience_s
    return estimated_effects_ms(session, _curves_of(asked)) <= patience_ms


def _paced(steps: Iterator[EffectCurves]) -> Iterator[EffectCurves]:
    """At most one step every `PAUSE_S`, and the last one."""
    said = float("-inf")
    for curves in steps:
        if time.monotonic() - said >= PAUSE_S or curves.complete:
            yield curves
            said = time.monotonic()


def _stands(curves: EffectCurves) -> str:
    return f"{len(curves.points)} points of {DRAWS} draws each, {len(curves.costs)} costs"


def _exported(curves: EffectCurves) -> dict:
    selection = curves.question.selection
    return exported(
        f"{selection.clip_name}-mask-effects",
        [effect_document(curves)],
        effect_settings(curves.question),
        effect_rows(curves),
    )
