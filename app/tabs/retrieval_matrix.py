"""An annotated library: every text against every video, and how far up the right ones stand."""

from collections.abc import Iterator

import gradio as gr

from app.background import BackgroundWork
from app.components.explanation import caption, how_it_is_computed, section_heading, what_to_look_at
from app.components.export import exported, result_export
from app.components.notice import done, empty_notice, guarded, stopped, working
from app.context import HEAVY, AppContext
from app.figures.match_sentences import list_sentence
from app.figures.number_format import duration, percent
from app.figures.score_matrix import SCORES, no_score_matrix, recall_table, score_matrix
from app.libraries import Library
from app.list_scores import library_list, scored_list
from app.match_runs import Report
from app.tabs.retrieval_matrix_how import HOW_MATRIX
from app.video_text import VideoText

WAITING = "How often the right video comes first stands here."


def build_retrieval_matrix(
    context: AppContext, video_text: VideoText, model: gr.Dropdown, library: gr.State
) -> None:
    """Place the section; `library` holds a Library. Nothing runs until it is asked for."""
    section_heading("Similarity matrix of an annotated library")
    with gr.Row(elem_classes="action-row match-bar"):
        run = gr.Button("Score the list", variant="primary", size="sm", elem_id="matrix-run")
        stop = gr.Button("Stop", size="sm", variant="stop", elem_id="matrix-stop")
        upload = gr.UploadButton(
            "Another list", file_types=[".json"], size="sm", elem_id="matrix-upload"
        )
        kind = gr.Dropdown(
            [(title, name) for name, title in SCORES.items()],
            value="similarities",
            label="Scores",
            filterable=False,
            min_width=150,
            elem_id="matrix-kind",
        )
        notice = gr.HTML(
            empty_notice(),
            apply_default_css=False,
            elem_id="matrix-notice",
            elem_classes="notice-line",
        )
    matrix = gr.HTML(no_score_matrix(), apply_default_css=False, elem_id="matrix-view")
    figures = gr.HTML("", apply_default_css=False, elem_id="matrix-figures")
    with gr.Row(elem_classes="under-row"):
        words = caption(WAITING, "matrix-caption")
        export = result_export("matrix")
    how_it_is_computed(HOW_MATRIX)
    known = gr.State(None)

    @guarded(notice)
    def score(chosen: Library, uploaded: str | None, name: str, shown: str) -> Iterator[dict]:
        yield {notice: working("Reading the list")}
        listed = library_list(chosen, uploaded)
        work = BackgroundWork(lambda report: scored_list(video_text, listed, name, report))
        size = f"{len(listed.texts)} texts, {len(listed.videos)} videos"
        for share in work:
            yield {notice: working(f"{size}: {percent(share)}")}
        report = work.value
        yield {
            matrix: score_matrix(report, shown),
            figures: recall_table(report),
            words: what_to_look_at(list_sentence(report)),
            export: exported_list(report, chosen.title),
            known: report,
            notice: done(f"{size} scored in {duration(report['latency_ms'])}"),
        }

    @guarded(notice)
    def show(report: Report | None, shown: str) -> Iterator[dict]:
        yield {notice: gr.skip()} if report is None else {matrix: score_matrix(report, shown)}

    quiet = {"show_progress": "hidden", "api_visibility": "private"}
    event = gr.on(
        [run.click, upload.upload],
        score,
        [library, upload, model, kind],
        [matrix, figures, words, export, known, notice],
        trigger_mode="once",
        **quiet,
        **HEAVY,
    )
    kind.input(show, [known, kind], [matrix, notice], concurrency_limit=2, **quiet)
    stop.click(stopped, outputs=notice, cancels=event, queue=False, api_visibility="private")


def exported_list(report: Report, library: str) -> dict:
    """JSON has the whole report, CSV a row per pair."""
    rows = [
        {
            "text": text,
            "video": video,
            "similarity": report["similarities"][number][column],
            "match_logit": report["match_logits"][number][column],
            "belongs": column in report["belonging"][number],
        }
        for number, text in enumerate(report["captions"])
        for column, video in enumerate(report["video_names"])
    ]
    tables = ("similarities", "match_logits", "captions", "video_names", "belonging")
    settings = {name: value for name, value in report.items() if name not in tables}
    return exported(
        f"{library}-scores",
        [{name: report[name] for name in tables}],
        {"library": library, **settings},
        rows,
    )
