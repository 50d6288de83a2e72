"""Why this moment: what of a clip and which words of a text make the two match."""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from app.components.explanation import caption, how_it_is_computed, section_heading, what_to_look_at
from app.components.export import exported, result_export
from app.components.match_picture import match_picture
from app.components.notice import done, empty_notice, guarded, working
from app.components.packed import packed
from app.components.token_picture import build_token_picture
from app.context import HEAVY, AppContext
from app.figures.match_bars import LEVEL_TITLES, Report, match_view, no_match_view
from app.figures.match_sentences import match_sentence
from app.figures.number_format import duration
from app.match_runs import ExplainedMatch, explained_match, moment_question
from app.tabs.retrieval_why_how import HOW_WHY
from app.video_text import VideoText

WAITING = "The parts of the chosen moment's similarity appear here."


def build_retrieval_why(context: AppContext, video_text: VideoText, chosen: gr.State) -> None:
    """Place the section; it follows `chosen`, a found moment or None."""
    section_heading("Why this moment")
    with gr.Row(elem_classes="action-row match-bar"):
        level = gr.Dropdown(
            [(title, name) for name, title in LEVEL_TITLES.items()],
            value="entering",
            label="Shared out among",
            filterable=False,
            min_width=240,
            elem_id="why-level",
        )
        other = gr.Textbox(
            label="Rather than",
            placeholder="another text, to see what tells the two apart",
            max_lines=1,
            min_width=280,
            elem_id="why-other",
        )
        notice = gr.HTML(
            empty_notice(),
            apply_default_css=False,
            elem_id="why-notice",
            elem_classes="notice-line",
        )
    with gr.Row(elem_classes="figure-row"):
        with gr.Column(scale=3, min_width=320):
            picture = build_token_picture("why-picture", "Evidence for the text", asks=False)
        with gr.Column(scale=2, min_width=300):
            view = gr.HTML(no_match_view(), apply_default_css=False, elem_id="why-view")
    with gr.Row(elem_classes="under-row"):
        words = caption(WAITING, "why-caption")
        export = result_export("why")
    how_it_is_computed(HOW_WHY)

    known = gr.State(None)

    def shown(found: ExplainedMatch, shared: str) -> dict:
        return {
            picture: packed(match_picture(found, shared)),
            view: match_view(found.report, shared),
            words: what_to_look_at(match_sentence(found.report, shared)),
        }

    @guarded(notice)
    def explain(
        moment: dict[str, Any] | None, against: str, shared: str, before: ExplainedMatch | None
    ) -> Iterator[dict]:
        question = moment and moment_question(moment, against)
        if not question or (before and before.question == question):
            yield {notice: gr.skip()}
            return
        yield {notice: working("Taking the match apart")}
        found = explained_match(video_text, question)
        report = found.report
        yield {
            known: found,
            **shown(found, shared),
            export: exported_match(report),
            notice: done(f"Taken apart in {duration(report['latency_ms'])}"),
        }

    @guarded(notice)
    def share_out(found: ExplainedMatch | None, shared: str) -> Iterator[dict]:
        yield {notice: gr.skip()} if found is None else shown(found, shared)

    quiet = {"show_progress": "hidden", "api_visibility": "private", "trigger_mode": "always_last"}
    results = [picture, view, words]
    gr.on(
        [chosen.change, other.submit, other.blur],
        explain,
        [chosen, other, level, known],
        [known, *results, export, notice],
        **quiet,
        **HEAVY,
    )
    level.input(share_out, [known, level], [*results, notice], concurrency_limit=2, **quiet)


def exported_match(report: Report) -> dict:
    """JSON has the whole report, CSV a row per patch with both levels."""
    _, h, w = report["grid"]
    levels = report["levels"]
    rows = [
        {
            "token": token,
            "time_step": token // (h * w),
            "row": token % (h * w) // w,
            "column": token % w,
            **{name: level["tokens"][token] for name, level in levels.items()},
        }
        for token in range(len(levels["final"]["tokens"]))
    ]
    results = ("levels", "vectors", "words")
    settings = {name: value for name, value in report.items() if name not in results}
    return exported(
        f"{report['clip']}-why", [{name: report[name] for name in results}], settings, rows
    )
