"""Library in Retrieval: what is searched, how it is made, what is in it."""

import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import gradio as gr

from analysis.retrieval.errors import RetrievalError
from app.components.library_view import build_library_view, library_view
from app.components.notice import done, empty_notice, failed, guarded, stopped, working
from app.context import HEAVY, AppContext
from app.libraries import Libraries, Library, no_videos
from app.library_builds import (
    FRESH,
    Making,
    build_library,
    checked_making,
    library_facts,
    made_otherwise,
)
from app.local_visitor import is_local
from app.video_text import VideoText, video_text_choices

PAUSE_S = 0.3
"""Between two reports of a build."""
MAKE, MAKE_ANEW = "Bring up to date", "Make anew"
_FOLDERS = (
    "Anybody may search the example clips or videos of their own. Folders of this machine can be "
    "searched where the page is open to this machine alone."
)


@dataclass(frozen=True)
class LibraryParts:
    """The components of the section that others read or write.

    chosen: the Library. own: keys of this visitor's uploads. videos: names of what is in it.
    """

    chosen: gr.State
    own: gr.State
    videos: gr.State
    menu: gr.Dropdown
    model: gr.Dropdown
    window_s: gr.Number
    stride_s: gr.Number
    folder: gr.Textbox
    take_folder: gr.Button
    upload: gr.UploadButton
    make: gr.Button
    anew: gr.Button
    stop: gr.Button
    view: gr.HTML
    notice: gr.HTML

    @property
    def making(self) -> list[gr.components.Component]:
        """What `checked_making` takes."""
        return [self.model, self.window_s, self.stride_s]


def place_library(libraries: Libraries) -> LibraryParts:
    """Lay the section out; `wire_library` connects it."""
    examples = libraries.examples()
    with gr.Row(elem_classes="action-row library-bar"):
        menu = gr.Dropdown(
            [(examples.title, examples.key)],
            value=examples.key,
            label="Library",
            filterable=False,
            min_width=240,
            elem_id="library",
            elem_classes="inline-field",
        )
        upload = gr.UploadButton(
            "Add videos", file_count="multiple", size="sm", elem_id="library-upload"
        )
        stop = gr.Button("Stop", size="sm", elem_id="library-stop")
        notice = gr.HTML(
            empty_notice(),
            apply_default_css=False,
            elem_id="library-notice",
            elem_classes="notice-line",
        )
    with gr.Accordion("What is in it, and how it is made", open=False, elem_id="library-details"):
        with gr.Row(elem_classes="library-making of-folder"):
            folder = gr.Textbox(
                label="A folder of this machine", placeholder="/home/me/videos", max_lines=1
            )
            take_folder = gr.Button("Search this folder", size="sm", elem_id="library-folder")
        with gr.Row(elem_classes="library-making"):
            model = gr.Dropdown(
                video_text_choices(), value=FRESH.model, label="Model", filterable=False
            )
            window_s = gr.Number(FRESH.window_s, label="Window, s", min_width=90)
            stride_s = gr.Number(FRESH.stride_s, label="Stride, s", min_width=90)
            make = gr.Button(MAKE, size="sm", elem_id="library-make")
            anew = gr.Button(
                MAKE_ANEW, size="sm", variant="primary", visible=False, elem_id="library-anew"
            )
        view = build_library_view()
    return LibraryParts(
        chosen=gr.State(examples),
        own=gr.State(()),
        videos=gr.State(()),
        menu=menu,
        model=model,
        window_s=window_s,
        stride_s=stride_s,
        folder=folder,
        take_folder=take_folder,
        upload=upload,
        make=make,
        anew=anew,
        stop=stop,
        view=view,
        notice=notice,
    )


def library_standing(
    parts: LibraryParts, library: Library, keep_s: float, problems: Collection[str] = ()
) -> dict:
    """What is in a library, where it is shown."""
    facts = library_facts(library)
    return {
        parts.chosen: library,
        parts.videos: tuple(facts.windows),
        parts.view: library_view(library, facts, keep_s, tuple(problems)),
        parts.anew: gr.Button(visible=False),
    }


def library_steps(
    parts: LibraryParts,
    video_text: VideoText,
    library: Library,
    making: Making,
    keep_s: float,
    anew: bool = False,
    left_out: Sequence[str] = (),
) -> Iterator[dict]:
    """Makes a library and says how far it is; ends with what stands.

    `left_out` are sentences about files that did not get into it.
    """
    said, words, doing, problems = float("-inf"), "", "", ()
    for words, progress in build_library(video_text, library, making, anew):
        problems = progress.problems
        if time.monotonic() - said >= PAUSE_S or progress.doing != doing:
            yield {parts.notice: working(words)}
            said, doing = time.monotonic(), progress.doing
    yield {
        **library_standing(parts, library, keep_s, (*left_out, *problems)),
        parts.notice: done(f"{words}."),
    }


def wire_library(
    context: AppContext, libraries: Libraries, video_text: VideoText, parts: LibraryParts
) -> None:
    """Connect the section to itself."""
    settings = context.settings
    keep_s = settings.keep_uploads_s

    def menu(own: Collection[str], chosen: Library, local: bool) -> dict:
        shown = libraries.shown(local, own)
        choices = [(one.title, one.key) for one in shown]
        return {parts.menu: gr.Dropdown(choices, value=chosen.key)}

    def begun(
        library: Library,
        own: Collection[str],
        local: bool,
        making: Making,
        left_out: Sequence[str] = (),
    ) -> Iterator[dict]:
        """A library that was just added: it stands in the menu and is made."""
        yield {**menu(own, library, local), **library_standing(parts, library, keep_s, left_out)}
        yield from asked(library, making, left_out=left_out)

    def asked(
        library: Library, making: Making, anew: bool = False, left_out: Sequence[str] = ()
    ) -> Iterator[dict]:
        """Makes a library, unless other settings made it and nobody asked for it anew."""
        yield {parts.notice: working("Loading the model")}
        different = "" if anew else made_otherwise(video_text, library, making)
        if different:
            yield {
                parts.notice: failed(
                    f'"{library.title}" was made with {different}; it can be searched as it is. '
                    f"Press {MAKE_ANEW} to replace it."
                ),
                parts.anew: gr.Button(visible=True),
            }
            return
        yield from library_steps(parts, video_text, library, making, keep_s, anew, left_out)

    def check_may_change(library: Library, making: Making, local: bool) -> None:
        """The examples are everybody's: only somebody at this machine makes them otherwise."""
        if library.kind == "examples" and not local and making != FRESH:
            raise RetrievalError(
                "The example library is everybody's and stays as it is; add videos to make one of "
                "your own with another model or other windows."
            )

    @guarded(parts.notice)
    def choose(request: gr.Request, key: str, own: tuple) -> Iterator[dict]:
        library = libraries.find(key, is_local(settings, request), own)
        yield {**library_standing(parts, library, keep_s), parts.notice: empty_notice()}

    @guarded(parts.notice)
    def take_folder(request: gr.Request, folder: str, own: tuple, *making) -> Iterator[dict]:
        if not is_local(settings, request):
            raise RetrievalError(_FOLDERS)
        making = checked_making(*making)
        library = libraries.of_folder(folder)
        yield from begun(library, own, True, making)

    @guarded(parts.notice)
    def take_uploads(
        request: gr.Request, files: list[str] | None, chosen: Library, own: tuple, *making
    ) -> Iterator[dict]:
        if not files:
            return
        making, local = checked_making(*making), is_local(settings, request)
        into = chosen if chosen.kind == "uploads" and (local or chosen.key in own) else None
        library = libraries.of_uploads(files, into)
        own = tuple(dict.fromkeys([*own, library.key]))
        yield {parts.own: own, parts.upload: None}
        yield from begun(library, own, local, making, no_videos(files))

    @guarded(parts.notice)
    def make(request: gr.Request, chosen: Library, *making) -> Iterator[dict]:
        making = checked_making(*making)
        check_may_change(chosen, making, is_local(settings, request))
        yield from asked(chosen, making)

    @guarded(parts.notice)
    def make_anew(request: gr.Request, chosen: Library, *making) -> Iterator[dict]:
        making = checked_making(*making)
        check_may_change(chosen, making, is_local(settings, request))
        yield from asked(chosen, making, anew=True)

    @guarded(parts.notice)
    def remove(event: gr.EventData, chosen: Library) -> Iterator[dict]:
        windows = libraries.remove_video(chosen, event.video)
        back = "" if chosen.kind == "uploads" else f" {MAKE} brings it back."
        yield {
            **library_standing(parts, chosen, keep_s),
            parts.notice: done(f"{event.video} is out, {windows} windows.{back}"),
        }

    standing = [parts.chosen, parts.videos, parts.view, parts.anew, parts.notice]
    changed = [*standing, parts.menu, parts.own, parts.upload]
    quiet = {"show_progress": "hidden", "api_visibility": "private"}
    running = {**quiet, **HEAVY}
    parts.menu.input(choose, [parts.menu, parts.own], standing, **quiet, concurrency_limit=4)
    folder_inputs = [parts.folder, parts.own, *parts.making]
    builds = [
        gr.on(
            [parts.take_folder.click, parts.folder.submit],
            take_folder,
            folder_inputs,
            changed,
            **running,
        ),
        parts.upload.upload(
            take_uploads,
            [parts.upload, parts.chosen, parts.own, *parts.making],
            changed,
            **running,
        ),
        parts.make.click(make, [parts.chosen, *parts.making], standing, **running),
        parts.anew.click(make_anew, [parts.chosen, *parts.making], standing, **running),
    ]
    parts.view.remove(remove, parts.chosen, standing, **running)
    parts.stop.click(stopped, None, parts.notice, cancels=builds, queue=False, **quiet)
