"""Clip to captions: which of several sentences goes best with the sidebar's clip."""

from collections.abc import Iterator

import gradio as gr

from analysis.training.camera.camera_path import CAMERA_MOVES
from analysis.training.moving_objects.captions import camera_phrasings
from app.components.caption_table import caption_table
from app.components.explanation import caption, section_heading, what_to_look_at
from app.components.export import exported, result_export
from app.components.notice import done, empty_notice, failed, guarded, working
from app.components.sorted_table import build_sorted_table
from app.context import HEAVY, AppContext
from app.figures.match_sentences import caption_sentence
from app.figures.number_format import duration
from app.match_runs import Report, caption_scores
from app.video_text import VideoText

_OBJECTS = (
    "a white circle slides to the right while the camera stays still",
    "a red star moves down while the camera pans left",
    "an orange cross",
)
DEFAULT_CAPTIONS = "\n".join([*(camera_phrasings(move)[0] for move in CAMERA_MOVES), *_OBJECTS])
WAITING = "Which sentence goes best with the clip, and by how much, stands here."
COMPARE_FIRST = "Compare the sentences first, then ask why."


def build_retrieval_captions(
    context: AppContext, video_text: VideoText, model: gr.Dropdown, chosen: gr.State
) -> None:
    """Place the section; "Why the first" puts the clip and its best sentence into `chosen`."""
    section_heading("Clip to captions")
    with gr.Row(elem_classes="action-row"):
        run = gr.Button("Compare", variant="primary", size="sm", elem_id="captions-run")
        why = gr.Button("Why the first", size="sm", elem_id="captions-why")
        notice = gr.HTML(
            empty_notice(),
            apply_default_css=False,
            elem_id="captions-notice",
            elem_classes="notice-line",
        )
    with gr.Row(elem_classes="figure-row"):
        sentences = gr.Textbox(
            DEFAULT_CAPTIONS,
            label="Sentences, one a line",
            lines=12,
            max_lines=12,
            elem_id="captions-text",
        )
        table = build_sorted_table(caption_table(None), "captions-table", "Sentences compared")
    with gr.Row(elem_classes="under-row"):
        words = caption(WAITING, "captions-caption")
        export = result_export("captions")
    best = gr.State(None)

    @guarded(notice)
    def compare(text: str, clip: str, name: str) -> Iterator[dict]:
        yield {notice: working("Reading the clip and the sentences")}
        report = caption_scores(video_text, clip, one_a_line(text), model=name)
        yield {
            table: caption_table(report),
            words: what_to_look_at(caption_sentence(report)),
            export: exported_captions(report),
            best: best_caption(report, clip),
            notice: done(
                f"{len(report['captions'])} sentences beside {report['clip']} in "
                f"{duration(report['latency_ms'])}"
            ),
        }

    @guarded(notice)
    def ask_why(moment: dict | None) -> Iterator[dict]:
        yield {notice: failed(COMPARE_FIRST)} if moment is None else {chosen: moment}

    quiet = {"show_progress": "hidden", "api_visibility": "private", "trigger_mode": "once"}
    run.click(
        compare,
        [sentences, context.clip, model],
        [table, words, export, best, notice],
        **quiet,
        **HEAVY,
    )
    why.click(ask_why, best, [chosen, notice], concurrency_limit=None, **quiet).then(
        None, js="() => document.getElementById('why-view')?.scrollIntoView({block: 'center'})"
    )


def one_a_line(text: str | None) -> list[str]:
    """Lines with something in them."""
    return [line.strip() for line in (text or "").splitlines() if line.strip()]


def best_caption(report: Report, clip: str) -> dict:
    """The clip and its most similar sentence as a moment, the whole of it."""
    first = report["captions"][0]
    return {
        "path": clip,
        "video": report["clip"],
        "t0": 0.0,
        "t1": report["duration_s"],
        "text": first["text"],
        "score": first["similarity"],
        "model": report["model"],
    }


def exported_captions(report: Report) -> dict:
    """A row per sentence."""
    settings = {name: value for name, value in report.items() if name != "captions"}
    return exported(f"{report['clip']}-captions", report["captions"], settings)
