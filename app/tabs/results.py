"""Results: what was trained here, run by run, beside what the paper reports."""

from html import escape
from typing import Any

import gradio as gr

from analysis.training.paper_tables import paper_tables
from app.api import endpoint_errors
from app.components.explanation import caption, how_it_is_computed, what_to_look_at
from app.components.export import exported, result_export
from app.components.notice import done, empty_notice, guarded
from app.components.result_table import paper_table, study_table
from app.components.sorted_table import build_sorted_table
from app.components.titled_plot import titled_plot
from app.context import AppContext
from app.figures.plot_template import placeholder
from app.figures.result_sentences import (
    classes_sentence,
    counted_sentence,
    paper_sentence,
    study_sentence,
)
from app.figures.results import accuracy_figure, classes_figure, curves_figure, paper_figure
from app.study_results import STUDY_TITLES, study_rows, study_summary

WAITING = "Opening the table"

HOW = """
- **One thing differs** between the runs of a study; model, data, number of clips, learning rate and
  seeds are the same. A run renders its clips as it goes and never sees one twice.
- **Top-1** is counted on clips over photographs (or from viewpoints and at speeds) never trained
  on, the same clips for every run. Points are single runs, bars their mean.
- **Between seeds** is the largest less the smallest accuracy of one setting: differences smaller
  than that say nothing.
- **Beside the paper** stand settings with the same name. Data, size and training differ, so compare
  rankings, not numbers; rank correlation is Spearman's over the settings both have.
- **Adaptation:** trained parameters count shared ones once; a step is one update, clips rendered
  before. Zero-shot is how often colour and shape of pictures are still found among sentences, by a
  model that began as a small CLIP trained to do so; each picture is shown as a clip that stands
  still.
- Every row has the command that makes its runs again; `python -m analysis study NAME` trains what
  is missing. Times depend on what else the machine did.
- **Exact:** counts. **Our interpretation:** all scan orders but spatial first.

Source of the paper's numbers: VideoMamba (Li et al., 2024) and its model zoo.
"""


def build_results(context: AppContext) -> None:
    """Lay out the tab and connect it; registers the endpoint /results."""
    notice = gr.HTML(
        empty_notice(),
        apply_default_css=False,
        elem_id="results-notice",
        elem_classes="notice-line",
    )
    study = gr.Radio(
        [(title, name) for name, title in STUDY_TITLES.items()],
        value=next(iter(STUDY_TITLES)),
        label="Study",
        elem_id="results-study",
    )
    with gr.Row(elem_classes="under-row"):
        sentence = gr.HTML(
            _answered("", WAITING), elem_id="results-sentence", apply_default_css=False
        )
        export = result_export("results")
    table = build_sorted_table(
        f'<p class="table-empty">{WAITING}</p>', "results-table", "Settings compared"
    )
    with gr.Row(elem_classes="figure-row"):
        with gr.Column(min_width=320):
            accuracy = titled_plot(placeholder(WAITING), "Ours, clips never trained on")
            counted = caption(WAITING)
        with gr.Column(min_width=320) as beside:
            paper = titled_plot(placeholder(WAITING), "The paper's, Something-Something V2")
    comparison = caption(WAITING)
    with gr.Row(elem_classes="figure-row"):
        with gr.Column(min_width=320):
            classes = titled_plot(placeholder(WAITING), "Class by class")
            classes_caption = caption(WAITING)
        with gr.Column(min_width=320):
            curves = titled_plot(placeholder(WAITING), "While training")
            caption("A line per run, dotted for the second seed, on held-out clips.")
    how_it_is_computed(HOW)
    with gr.Accordion("The paper's tables", open=False, elem_id="paper-tables"):
        for reported in paper_tables():
            build_sorted_table(
                paper_table(reported), f"paper-{reported.name.replace('_', '-')}", reported.title
            )

    @guarded(notice)
    def show(open_tab: str, name: str):
        if open_tab != "results":
            yield {notice: gr.skip()}
            return
        summary = study_summary(name)
        rows = study_rows(summary)
        reported = paper_figure(summary)
        yield {
            sentence: _answered(summary.table.study.question, study_sentence(summary)),
            table: study_table(summary),
            accuracy: accuracy_figure(summary),
            counted: what_to_look_at(counted_sentence(summary)),
            beside: gr.Column(visible=reported is not None),
            paper: reported or gr.skip(),
            comparison: what_to_look_at(paper_sentence(summary)),
            classes: classes_figure(summary),
            classes_caption: what_to_look_at(classes_sentence(summary)),
            curves: curves_figure(summary),
            export: exported(f"study-{name}", rows, {"study": name}, _flat(rows)),
            notice: done(f"{len(rows)} of {len(summary.table.study.runs)} runs trained"),
        }

    captions = [sentence, counted, comparison, classes_caption]
    outputs = [table, accuracy, beside, paper, classes, curves, export, *captions, notice]
    gr.on(
        [context.open_tab.change, study.input],
        show,
        [context.open_tab, study],
        outputs,
        show_progress="hidden",
        api_visibility="private",
        trigger_mode="always_last",
    )
    _build_endpoint()


def _build_endpoint() -> None:
    @endpoint_errors
    def results(study: str) -> list[dict[str, Any]]:
        return study_rows(study_summary(study))

    with gr.Row(visible=False):
        study = gr.Textbox(next(iter(STUDY_TITLES)), label="study")
        result = gr.JSON(label="result")
        gr.Button("results").click(
            results,
            study,
            result,
            api_name="results",
            api_description=(
                "One row per training of a study made here: its setting, accuracy in percent on "
                "clips never trained on, command and curve. `study` is "
                f"{' or '.join(STUDY_TITLES)}."
            ),
        )


def _flat(rows: list[dict]) -> list[dict]:
    """Rows for a spreadsheet: without curves and classes."""
    left_out = ("curve", "accuracy_by_class")
    return [{key: value for key, value in row.items() if key not in left_out} for row in rows]


def _answered(question: str, sentence: str) -> str:
    return f'<h4 class="figure-title">{escape(question)}</h4>{what_to_look_at(sentence)}'
