"""/search and /libraries: moments of a library, for programs."""

import gradio as gr

from analysis.retrieval.errors import RetrievalError
from analysis.retrieval.index.search import Filters
from app.api import endpoint_errors
from app.components.library_view import library_words
from app.context import HEAVY, AppContext
from app.libraries import Libraries, Library
from app.library_builds import FRESH, build_library, is_outdated, library_facts
from app.local_visitor import is_local
from app.moment_search import (
    ClipPart,
    SearchQuestion,
    moment_rows,
    search_library,
    search_settings,
    window_rows,
)
from app.tabs.retrieval_search import checked_top
from app.time_range import time_range
from app.video_text import VideoText

EXAMPLES = "examples"


def build_search_endpoint(context: AppContext, libraries: Libraries, video_text: VideoText) -> None:
    """Register /search and /libraries; their widgets are never shown."""

    def found_library(name: str, local: bool) -> Library:
        """A library by its key or title, or a folder of this machine by its path."""
        try:
            return libraries.find(name, local, own=(name,))
        except RetrievalError:
            if not local or "/" not in name.replace("\\", "/"):
                raise
            return libraries.of_folder(name)

    @endpoint_errors
    def search(
        request: gr.Request,
        text: str,
        library: str,
        top: float,
        match: bool,
        file: str | None,
        clip_time: str,
        video: str,
        time: str,
    ) -> dict:
        where = found_library(library, is_local(context.settings, request))
        if bool(text.strip()) == bool(file):
            raise RetrievalError("Send a text to look for, or a video as `file`.")
        examples = where.kind == EXAMPLES and is_outdated(video_text, where)
        if examples or not where.store.exists:
            for _ in build_library(video_text, where, FRESH, anew=examples):
                pass
        clip = ClipPart(file, "file", *time_range(clip_time)) if file else None
        start, end = time_range(time)
        filters = Filters(video=video or None, from_s=start, to_s=end)
        question = SearchQuestion(where, text, clip, checked_top(top), match, filters)
        answer = search_library(video_text, question)
        return {
            **search_settings(answer),
            "moments": moment_rows(answer),
            "windows": window_rows(answer),
            "latency_ms": answer.latency_ms,
        }

    @endpoint_errors
    def list_libraries(request: gr.Request) -> list:
        shown = libraries.shown(is_local(context.settings, request), own=())
        return [
            {"key": one.key, "title": one.title, "holds": library_words(library_facts(one))}
            for one in shown
        ]

    with gr.Row(visible=False):
        asked = [
            gr.Textbox("", label="text"),
            gr.Textbox(EXAMPLES, label="library"),
            gr.Number(5, label="top", precision=0),
            gr.Checkbox(False, label="match"),
            gr.File(label="file"),
            gr.Textbox("", label="clip_time"),
            gr.Textbox("", label="video"),
            gr.Textbox("", label="time"),
        ]
        result = gr.JSON(label="result")
        gr.Button("search").click(
            search,
            asked,
            result,
            api_name="search",
            api_description=(
                "The moments of a library that a text, or a video sent as `file`, is most like: "
                "`moments` with video, t0 and t1 in seconds and score, best first, and the "
                "similarity of all `windows` that the page draws. `library` is a key or title of "
                "/libraries, or, asked from the server's own machine, the path of a folder, which "
                "is made a library first. `match` orders the nearest by match logits alone; times "
                "are written 2-6."
            ),
            **HEAVY,
        )
        gr.Button("libraries").click(
            list_libraries,
            None,
            result,
            api_name="libraries",
            api_description="Libraries that /search can be asked about.",
            concurrency_limit=2,
        )
