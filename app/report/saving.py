"""The report leaves: by the button under the frames, and for programs as /report."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.processing_utils import save_bytes_to_cache

from app.api import endpoint_errors, requested_selection
from app.attributions import class_probabilities
from app.components.file_export import file_saver, saved_file
from app.components.notice import done, empty_notice, guarded, working
from app.context import HEAVY, AppContext
from app.figures.number_format import data_size
from app.report.findings import TOP_CLASS, Findings, gather
from app.report.page import report_name, report_page
from app.selection import Selection
from app.session import Session
from app.tabs.attribution_endpoint import requested_class


@dataclass(frozen=True)
class ReportParts:
    """What stands at the filmstrip: a line that shows while it has something to say; the file."""

    notice: gr.HTML
    file: gr.HTML


def place_report() -> ReportParts:
    """Place the parts beside the filmstrip, whose button asks for the report."""
    notice = gr.HTML(
        empty_notice(),
        apply_default_css=False,
        elem_id="report-notice",
        elem_classes="notice-line",
    )
    return ReportParts(notice, file_saver("report-file"))


def wire_report(context: AppContext, parts: ReportParts) -> None:
    """Make the report of the selection when the filmstrip's button is pressed."""
    session = context.session

    @guarded(parts.notice)
    def save(*values: Any) -> Iterator[dict]:
        selection = Selection(*values)
        if not session.ready.is_set():
            yield {parts.notice: working("Preparing the compiled scan, once on a new machine")}
            session.ready.wait()
        yield {parts.notice: working(f"Gathering what is known about {selection.clip_name}")}
        findings = gather(session, selection)
        yield {parts.notice: working("Writing the report")}
        name, content = report_name(findings), report_page(findings).encode()
        yield {
            parts.file: saved_file(name, "html", content, time.monotonic_ns()),
            parts.notice: done(_saved(findings, len(content))),
        }

    context.filmstrip.report(
        save,
        context.selection_inputs,
        [parts.notice, parts.file],
        show_progress="minimal",
        show_progress_on=parts.notice,
        trigger_mode="once",
        api_visibility="private",
        **HEAVY,
    )


def _saved(findings: Findings, size: int) -> str:
    words = f"Saved {report_name(findings)}.html, {data_size(size)}"
    lacking = len(findings.missing)
    if not lacking:
        return words
    parts = "one part that is" if lacking == 1 else f"{lacking} parts that are"
    return f"{words}, without {parts} not computed yet"


def build_report_endpoint(session: Session, default_model: str) -> None:
    """Register /report; its widgets are never shown."""

    @endpoint_errors
    def report(
        file: str | None,
        model: str,
        class_name: str,
        frames: float | None,
        resolution: float | None,
        scan_order: str,
    ) -> str:
        selection = requested_selection(file, model, frames, resolution, scan_order)
        index = TOP_CLASS
        if class_name.strip():
            index = requested_class(class_name, class_probabilities(session, selection))
        findings = gather(session, selection, index)
        content = report_page(findings).encode()
        return save_bytes_to_cache(content, f"{report_name(findings)}.html", result.GRADIO_CACHE)

    with gr.Row(visible=False):
        file = gr.File(label="file")
        model = gr.Textbox(default_model, label="model")
        class_name = gr.Textbox("", label="class_name")
        frames = gr.Number(0, label="frames", precision=0)
        resolution = gr.Number(0, label="resolution", precision=0)
        scan_order = gr.Textbox("", label="scan_order")
        result = gr.File(label="result")
        gr.Button("report").click(
            report,
            [file, model, class_name, frames, resolution, scan_order],
            result,
            api_name="report",
            api_description=(
                "One HTML file with everything known about a clip in a setting: frames, answer, "
                "scan orders, read-out, maps, curves and what ifs that were computed before, with "
                "proofs, settings and commands. Only what is quick is computed for it. "
                "`class_name` is a label or an index, whose maps come first; empty: the most "
                "probable class. Frames and resolution 0 and an empty scan order mean: as trained."
            ),
            **HEAVY,
        )
