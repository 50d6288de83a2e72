"""/why, /caption_scores and /score_list: matches of clips and texts, for programs."""

import gradio as gr

from analysis.retrieval.scores import TOP
from app.api import RequestError, endpoint_errors
from app.context import HEAVY, AppContext
from app.libraries import Libraries
from app.list_scores import library_list, scored_list
from app.local_visitor import is_local
from app.match_runs import MomentQuestion, caption_scores, explained_match
from app.tabs.retrieval_captions import one_a_line
from app.tabs.retrieval_endpoint import EXAMPLES
from app.time_range import time_range
from app.video_text import DEFAULT_VIDEO_TEXT, VideoText


def build_match_endpoints(context: AppContext, libraries: Libraries, video_text: VideoText) -> None:
    """Register the three; their widgets are never shown."""

    @endpoint_errors
    def why(file: str | None, text: str, other: str, time: str, model: str) -> dict:
        start, end = time_range(time)
        question = MomentQuestion(_sent(file), text, start, end, other.strip(), model)
        return explained_match(video_text, question).report

    @endpoint_errors
    def captions(file: str | None, text: str, time: str, model: str) -> dict:
        start, end = time_range(time)
        texts = one_a_line(text)
        return caption_scores(video_text, _sent(file), texts, from_s=start, to_s=end, model=model)

    @endpoint_errors
    def score_list(
        request: gr.Request, file: str | None, library: str, top: float | None, model: str
    ) -> dict:
        local = is_local(context.settings, request)
        where = libraries.find(library, local, own=(library,))
        if top is None or top < 1:
            raise RequestError(f"top is {top}; ask for the nearest 1 or more.")
        return scored_list(video_text, library_list(where, file), model, top=int(top))

    with gr.Row(visible=False):
        file = gr.File(label="file")
        text = gr.Textbox("", label="text")
        other = gr.Textbox("", label="other")
        time = gr.Textbox("", label="time")
        model = gr.Textbox(DEFAULT_VIDEO_TEXT, label="model")
        library = gr.Textbox(EXAMPLES, label="library")
        top = gr.Number(TOP, label="top", precision=0)
        result = gr.JSON(label="result")
        gr.Button("why").click(
            why,
            [file, text, other, time, model],
            result,
            api_name="why",
            api_description=(
                "What of a clip makes it match a text: `levels` with the part of the similarity "
                "that every patch (`tokens` on `grid`: time, rows, columns), CLS and the biases "
                "bring, which sum to `similarity`; cosines by time step in `vectors`; how far the "
                "scores fall without each of the `words`. With `other` the parts are those of the "
                "difference of two similarities. Times are written 2-6; empty is the whole clip."
            ),
            **HEAVY,
        )
        gr.Button("caption_scores").click(
            captions,
            [file, text, time, model],
            result,
            api_name="caption_scores",
            api_description=(
                "Similarity and match logit of a clip with each line of `text`, the most similar "
                "first, with its rank by either."
            ),
            **HEAVY,
        )
        gr.Button("score_list").click(
            score_list,
            [file, library, top, model],
            result,
            api_name="score_list",
            api_description=(
                "Every text of an annotated list against every video of a library, by key or "
                "title: `similarities` and `match_logits`, texts in rows, and recall both ways. "
                "`file` is the list, JSON; without it one that lies in the library is read."
            ),
            **HEAVY,
        )


def _sent(file: str | None) -> str:
    if not file:
        raise RequestError("No file was sent; send a video as `file`.")
    return file
