"""Search in Retrieval: a text or a clip to the moments that fit, and their scores over time."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from analysis.retrieval.errors import RetrievalError
from analysis.retrieval.index.search import Filters, Moment
from analysis.weights import weights_card
from app.components.explanation import caption, how_it_is_computed, what_to_look_at
from app.components.export import exported, result_export
from app.components.moment_view import build_moment_view, moment_view
from app.components.notice import done, guarded, working
from app.components.packed import packed
from app.components.query_chips import build_query_chips, query_chips
from app.context import HEAVY, AppContext, Panel
from app.figures.badge import training_badge
from app.figures.moment_words import (
    example_texts,
    known_words_sentence,
    search_notice,
    search_sentence,
    strip_sentence,
)
from app.libraries import Library
from app.library_builds import FRESH, is_outdated, library_facts
from app.moment_search import (
    ClipPart,
    SearchAnswer,
    SearchQuestion,
    chosen_moment,
    moment_rows,
    search_library,
    search_settings,
    window_rows,
)
from app.selection import Selection
from app.tabs.retrieval_how import HOW
from app.tabs.retrieval_library import LibraryParts, library_standing, library_steps
from app.time_range import time_range
from app.video_text import DEFAULT_VIDEO_TEXT, VideoText

ALL_VIDEOS = ""
MOST_MOMENTS = 48
SEARCH_FIRST = "Search first, then ask for more like a moment."


@dataclass(frozen=True)
class SearchParts:
    """The components of the section. answer: the SearchAnswer that stands, or None."""

    text: gr.Textbox
    find: gr.Button
    by_clip: gr.Button
    clip_time: gr.Textbox
    chips: gr.HTML
    top: gr.Number
    closer: gr.Checkbox
    video: gr.Dropdown
    time: gr.Textbox
    view: gr.HTML
    words: gr.HTML
    strip_words: gr.HTML
    export: gr.HTML
    answer: gr.State
    panel: Panel

    @property
    def choices(self) -> list[gr.components.Component]:
        """What `_asked` takes."""
        return [self.top, self.closer, self.video, self.time]


def place_search(context: AppContext) -> SearchParts:
    """Lay the section out; `wire_search` connects it."""
    with gr.Row(elem_classes="action-row search-bar"):
        text = gr.Textbox(
            show_label=False,
            container=False,
            label="What is to be seen",
            placeholder="What is to be seen, in one sentence",
            max_lines=1,
            scale=1,
            elem_id="search-text",
        )
        find = gr.Button("Find", size="sm", variant="primary", elem_id="search-find")
        by_clip = gr.Button("More like the sidebar's clip", size="sm", elem_id="search-by-clip")
    chips = build_query_chips("")
    with gr.Row(elem_classes="search-choices"):
        top = gr.Number(8, label="Moments", precision=0)
        video = gr.Dropdown(
            [("All videos", ALL_VIDEOS)], value=ALL_VIDEOS, label="Only in", elem_id="search-video"
        )
        time = gr.Textbox(label="Only at, s", placeholder="all, or 10-60", max_lines=1)
        clip_time = gr.Textbox(label="Of the sidebar's clip, s", placeholder="all, or 2-6")
        closer = gr.Checkbox(
            False, label="Order the nearest by match", container=False, elem_id="search-closer"
        )
    panel = context.panel("retrieval", automatic=lambda _: True)
    view = build_moment_view()
    with gr.Row(elem_classes="under-row"):
        with gr.Column():
            words = caption(search_sentence(None), "search-caption")
            strip_words = caption(strip_sentence(None), "strip-caption")
        export = result_export("retrieval")
    how_it_is_computed(HOW)
    return SearchParts(
        text=text,
        find=find,
        by_clip=by_clip,
        clip_time=clip_time,
        chips=chips,
        top=top,
        closer=closer,
        video=video,
        time=time,
        view=view,
        words=words,
        strip_words=strip_words,
        export=export,
        answer=gr.State(None),
        panel=panel,
    )


def wire_search(
    context: AppContext,
    video_text: VideoText,
    library: LibraryParts,
    parts: SearchParts,
    chosen: gr.State,
) -> None:
    """Connect the section; `chosen` is told of the moment that is on the screen."""
    session, panel = context.session, parts.panel
    keep_s = context.settings.keep_uploads_s

    def chips(made: Library) -> str:
        facts = library_facts(made)
        name = facts.settings.model if facts.settings else DEFAULT_VIDEO_TEXT
        card = weights_card(name)
        texts = example_texts(card, video_text.pieces(name))
        badge = training_badge(card.training, card.data)
        return query_chips(texts, badge, known_words_sentence(card), card.note)

    def drawn(answer: SearchAnswer) -> dict:
        best = answer.found[0].moment if answer.found else None
        name = f"{answer.question.library.kind}-search"
        document = {"moments": moment_rows(answer), "windows": window_rows(answer)}
        return {
            parts.view: packed(moment_view(answer, session.videos)),
            parts.words: what_to_look_at(search_sentence(answer)),
            parts.strip_words: what_to_look_at(strip_sentence(answer)),
            parts.export: exported(name, [document], search_settings(answer), moment_rows(answer)),
            parts.answer: answer,
            chosen: best and chosen_moment(answer, best),
            panel.notice: done(search_notice(answer)),
        }

    def searched(question: SearchQuestion) -> Iterator[dict]:
        where = question.library
        if where.kind == "examples" and is_outdated(video_text, where):
            yield {panel.notice: working("Making the library of example clips")}
            yield from library_steps(library, video_text, where, FRESH, keep_s, anew=True)
        yield {panel.notice: working(f"Looking for {question.words[:80]}")}
        yield drawn(search_library(video_text, question))

    @panel.computing
    def first(selection: Selection, answer: SearchAnswer | None, where: Library) -> Iterator[dict]:
        """The tab was opened: it begins with an answer. The sidebar's choices enter nothing."""
        standing = library_standing(library, where, keep_s)
        yield {panel.shown: selection, parts.chips: chips(where), **standing}
        if answer is not None:  # An opened link has asked before.
            yield {panel.notice: done(search_notice(answer))}
            return
        card = weights_card(DEFAULT_VIDEO_TEXT)
        text = example_texts(card, video_text.pieces(card.name))[0]
        yield {parts.text: text}
        yield from searched(SearchQuestion(where, text))

    @guarded(panel.notice)
    def by_text(where: Library, text: str, *choices: Any) -> Iterator[dict]:
        yield from searched(_asked(where, choices, text=text or ""))

    @guarded(panel.notice)
    def by_chip(event: gr.EventData, where: Library, *choices: Any) -> Iterator[dict]:
        yield {parts.text: str(event.text)}
        yield from searched(_asked(where, choices, text=str(event.text)))

    @guarded(panel.notice)
    def by_clip(where: Library, time: str, *values: Any) -> Iterator[dict]:
        selection, choices = Selection(*values[:5]), values[5:]
        part = ClipPart(selection.clip, selection.clip_name, *time_range(time))
        yield from searched(_asked(where, choices, clip=part))

    @guarded(panel.notice)
    def more_like(
        event: gr.EventData, where: Library, answer: SearchAnswer | None, *choices: Any
    ) -> Iterator[dict]:
        moment = _window(answer, event)
        path = answer.question.library.path_of(moment.video)
        part = ClipPart(str(path), moment.video, round(moment.t0, 3), round(moment.t1, 3))
        yield from searched(_asked(where, choices, clip=part))

    @guarded(panel.notice)
    def choose(event: gr.EventData, answer: SearchAnswer | None) -> Iterator[dict]:
        yield {chosen: chosen_moment(answer, _window(answer, event))}

    @guarded(panel.notice)
    def follow_library(videos: tuple[str, ...], where: Library) -> Iterator[dict]:
        every = [("All videos", ALL_VIDEOS), *((name, name) for name in videos)]
        yield {parts.video: gr.Dropdown(every, value=ALL_VIDEOS), parts.chips: chips(where)}

    quiet = {"show_progress": "hidden", "api_visibility": "private"}
    running = {**quiet, **HEAVY, "trigger_mode": "always_last"}
    results = [parts.view, parts.words, parts.strip_words, parts.export, parts.answer, chosen]
    made = [library.chosen, library.videos, library.view, library.anew, library.notice]
    outputs = [*results, *made, parts.text, parts.chips, panel.notice, panel.shown]
    panel.request.change(first, [panel.request, parts.answer, library.chosen], outputs, **running)
    gr.on(
        [parts.find.click, parts.text.submit],
        by_text,
        [library.chosen, parts.text, *parts.choices],
        outputs,
        **running,
    )
    parts.chips.ask(by_chip, [library.chosen, *parts.choices], outputs, **running)
    parts.by_clip.click(
        by_clip,
        [library.chosen, parts.clip_time, *context.selection_inputs, *parts.choices],
        outputs,
        **running,
    )
    parts.view.more(more_like, [library.chosen, parts.answer, *parts.choices], outputs, **running)
    parts.view.choose(choose, parts.answer, [chosen, panel.notice], **quiet)
    library.videos.change(
        follow_library,
        [library.videos, library.chosen],
        [parts.video, parts.chips, panel.notice],
        **quiet,
    )


def checked_top(top: float | None) -> int:
    """How many moments were asked for. Raises RetrievalError out of 1 to `MOST_MOMENTS`."""
    if not top or not 1 <= top <= MOST_MOMENTS:
        raise RetrievalError(f"{top or 0:g} moments were asked for; choose 1 to {MOST_MOMENTS}.")
    return int(top)


def _asked(
    where: Library, choices: tuple, text: str = "", clip: ClipPart | None = None
) -> SearchQuestion:
    """A question from what the controls say. Raises RetrievalError."""
    top, closer, video, time = choices
    start, end = time_range(time)
    filters = Filters(video=video or None, from_s=start, to_s=end)
    return SearchQuestion(where, text, clip, checked_top(top), bool(closer), filters)


def _window(answer: SearchAnswer | None, asked: gr.EventData) -> Moment:
    """The window of the answer that the browser names; no other file is ever opened."""
    windows = answer.windows if answer else ()
    for one in windows:
        if one.video == asked.video and abs(one.t0 - float(asked.t0)) < 1e-2:
            return one
    raise RetrievalError(SEARCH_FIRST)
