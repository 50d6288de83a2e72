"""The videos of a library, each with a button that takes it out, and files that were left out."""

from collections.abc import Sequence
from html import escape

import gradio as gr

from app.figures.number_format import compact, whole
from app.libraries import Library
from app.library_builds import LibraryFacts

_WHOSE = {
    "examples": "Everybody's; nothing is taken out of it.",
    "folder": "Only this machine sees it; files stay as they are.",
    "uploads": "Only you see it; it goes {hours:g} hours after its last use, "
    "and is not found again after the page is opened anew.",
}
_REMOVED = """
element.addEventListener("click", (event) => {
  const video = event.target.closest("[data-video]")?.dataset.video;
  if (video) trigger("remove", { video });
});
"""


def build_library_view() -> gr.HTML:
    """The component; its custom event `remove` carries the name of a `video`."""
    return gr.HTML(
        None,
        js_on_load=_REMOVED,
        apply_default_css=False,
        elem_id="library-view",
        label="Videos of the library",
    )


def library_view(
    library: Library, facts: LibraryFacts, keep_s: float, problems: Sequence[str] = ()
) -> str:
    """What stands of a library, as HTML; `keep_s` is how long uploads are kept."""
    whose = _WHOSE[library.kind].format(hours=keep_s / 3600)
    removable = library.kind != "examples"
    videos = "".join(_video(name, count, removable) for name, count in facts.windows.items())
    left_out = "".join(f"<li>{escape(problem)}</li>" for problem in problems)
    return (
        f'<div class="library"><p class="library-facts">{escape(library_words(facts))} '
        f"{escape(whose)}</p>"
        + (f'<ul class="library-problems">{left_out}</ul>' if problems else "")
        + f'<ul class="library-videos">{videos}</ul></div>'
    )


def library_words(facts: LibraryFacts) -> str:
    """How much there is, and what made it, in one or two sentences."""
    if not facts.windows:
        return "Nothing is made yet."
    videos, windows = len(facts.windows), sum(facts.windows.values())
    counts = f"{whole(videos)} video{'s' * (videos != 1)}, {whole(windows)} windows"
    if facts.settings is None:
        return f"{counts}, of several models."
    made = facts.settings
    return (
        f"{counts} of {compact(made.window_s)} s every {compact(made.stride_s)} s, made with "
        f"{made.model} ({made.num_frames} frames of {made.image_size} px)."
    )


def _video(name: str, windows: int, removable: bool) -> str:
    shown = escape(name, quote=True)
    button = (
        f'<button type="button" data-video="{shown}" aria-label="Take {shown} out" '
        f'title="Take {shown} out of the library">\N{MULTIPLICATION SIGN}</button>'
        if removable
        else ""
    )
    return f"<li><span>{shown}</span> <small>{whole(windows)}</small>{button}</li>"
