"""Alignment in Masking: what a student says of the tokens it sees, beside its teacher."""

from collections.abc import Iterator

import gradio as gr

from analysis.layers.token_grid import TokenGrid
from analysis.weights.students import students_here
from app.alignment_runs import Report, alignment
from app.components.alignment_picture import alignment_picture
from app.components.explanation import caption, how_it_is_computed, section_heading, what_to_look_at
from app.components.export import exported, result_export
from app.components.notice import done, empty_notice, guarded, working
from app.components.packed import packed
from app.components.token_picture import build_token_picture
from app.context import HEAVY, AppContext
from app.figures.alignment import alignment_sentence, alignment_table, reading_note
from app.figures.number_format import duration
from app.mask_runs import MaskQuestion
from app.tabs.masking_alignment_endpoint import build_alignment_endpoint
from app.tabs.masking_alignment_how import HOW_ALIGNMENT

WAITING = "What a student of masked pretraining says of the visible tokens appears here."


def build_masking_alignment(context: AppContext, question: gr.State) -> None:
    """Place the section; it follows `question`, a MaskQuestion or None; registers /alignment."""
    section_heading("Alignment")
    names = [card.name for card in students_here()]
    with gr.Row(elem_classes="action-row alignment-bar"):
        student = gr.Dropdown(
            names,
            value=names[0] if names else None,
            label="Student",
            filterable=False,
            min_width=260,
            elem_id="alignment-student",
        )
        notice = gr.HTML(
            empty_notice(),
            apply_default_css=False,
            elem_id="alignment-notice",
            elem_classes="notice-line",
        )
    with gr.Row(elem_classes="figure-row"):
        with gr.Column(scale=3, min_width=320):
            picture = build_token_picture("alignment-picture", "Alignment by token", asks=False)
        with gr.Column(scale=2, min_width=300):
            table = gr.HTML(
                alignment_table(None), apply_default_css=False, elem_id="alignment-table"
            )
    with gr.Row(elem_classes="under-row"):
        words = caption(WAITING, "alignment-caption")
        export = result_export("alignment")
    how_it_is_computed(HOW_ALIGNMENT)

    @guarded(notice)
    def compare(asked: MaskQuestion | None, chosen: str | None) -> Iterator[dict]:
        if asked is None:
            yield {notice: gr.skip()}
            return
        yield {notice: working("Asking the student and its teacher")}
        report = alignment(context.session, asked, chosen)
        selection = asked.selection
        said = (
            alignment_sentence(report),
            reading_note(report, selection.num_frames, selection.image_size),
        )
        yield {
            picture: packed(alignment_picture(report)),
            table: alignment_table(report),
            words: what_to_look_at(" ".join(filter(None, said))),
            export: exported_report(report),
            notice: done(
                f"{report['visible']} tokens compared in {duration(report['latency_ms'])}"
            ),
        }

    gr.on(
        [question.change, student.input],
        compare,
        [question, student],
        [picture, table, words, export, notice],
        show_progress="hidden",
        api_visibility="private",
        trigger_mode="always_last",
        **HEAVY,
    )
    build_alignment_endpoint(context.session, context.model.value)


def exported_report(report: Report) -> dict:
    """JSON has the whole report, CSV a row per visible patch."""
    grid = TokenGrid(*report["grid"])
    rows = []
    for token in range(grid.patches):
        step, cell = divmod(token, grid.h * grid.w)
        cosines = {
            f"cosine_layer_{layer['layer'] + 1}": layer["tokens"][token]
            for layer in report["layers"]
        }
        if None not in cosines.values():
            place = {"time_step": step, "row": cell // grid.w, "column": cell % grid.w}
            rows.append({"token": token, **place, **cosines})
    settings = {name: value for name, value in report.items() if name != "layers"}
    return exported(f"{report['clip']}-alignment", report["layers"], settings, rows)
