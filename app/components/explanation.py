"""The sentence under every figure and the unfoldable account of how it came about."""

from html import escape

import gradio as gr

_FORMULAS = [{"left": "$", "right": "$", "display": False}]


def what_to_look_at(sentence: str) -> str:
    """The caption of a figure, filled with this clip's numbers. `sentence` is plain text."""
    return f'<p class="caption">{escape(sentence)}</p>'


def caption(sentence: str, elem_id: str | None = None) -> gr.HTML:
    """Place a caption; its value is what `what_to_look_at` gives."""
    return gr.HTML(what_to_look_at(sentence), elem_id=elem_id, apply_default_css=False)


def section_heading(words: str) -> None:
    """Place the heading of a part of a tab."""
    gr.HTML(f'<h3 class="section-heading">{escape(words)}</h3>', apply_default_css=False)


def how_it_is_computed(account: str) -> None:
    """Place a closed accordion with `account`: Markdown, formulas between single dollars."""
    with gr.Accordion("How it is computed", open=False, elem_classes="how-computed"):
        gr.Markdown(account, latex_delimiters=_FORMULAS)
