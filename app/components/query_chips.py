"""Texts to begin with, and what words a model knows."""

from collections.abc import Sequence
from html import escape

import gradio as gr

_ASKED = """
element.addEventListener("click", (event) => {
  const text = event.target.closest("[data-text]")?.dataset.text;
  if (text) trigger("ask", { text });
});
const linked = new URLSearchParams(location.search).get("find");
if (linked) trigger("ask", { text: linked });
"""


def build_query_chips(value: str) -> gr.HTML:
    """The component; its custom event `ask` carries a `text`, also that of an opened link."""
    return gr.HTML(
        value,
        js_on_load=_ASKED,
        apply_default_css=False,
        elem_id="query-chips",
        label="Texts to begin with",
    )


def query_chips(texts: Sequence[str], badge: str, words: str, note: str) -> str:
    """Chips for `texts`, the model's `badge` (HTML) with a `note`, and `words` to unfold."""
    chips = "".join(
        f'<button type="button" class="film-button" data-text="{escape(text, quote=True)}">'
        f"{escape(text)}</button>"
        for text in texts
    )
    return (
        f'<div class="query-chips">{chips}{badge}<span class="chips-note">{escape(note)}</span>'
        f"<details><summary>Words it knows</summary><p>{escape(words)}</p></details></div>"
    )
