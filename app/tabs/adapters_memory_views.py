"""The figures of the Mamba-Adaptor section in Adapters, as placed on the page."""

from dataclasses import dataclass

import gradio as gr

from app.components.adaptor_pictures import SHARES
from app.components.explanation import caption, how_it_is_computed
from app.components.export import result_export
from app.components.titled_plot import titled_plot
from app.components.token_picture import build_token_picture
from app.figures.adaptor_kernels import no_kernels_view
from app.figures.adaptor_places import no_places_view
from app.figures.adaptor_sentences import ASK_MEMORY
from app.figures.adaptor_tables import answers_view, costs_view
from app.figures.plot_template import placeholder
from app.figures.receptive_field import no_field_view
from app.tabs.adapters_memory_how import (
    HOW_COSTS,
    HOW_FIELDS,
    HOW_FORGETTING,
    HOW_KERNELS,
    HOW_PLACES,
)

_DEPTH = 6
WAITING = "The clip is read when the tab opens"


@dataclass(frozen=True)
class MemoryViews:
    """The placed figures, their captions, and the choices that belong to them."""

    standing: gr.HTML
    standing_words: gr.HTML
    answers: gr.HTML
    answer_words: gr.HTML
    layer: gr.Slider
    part: gr.Radio
    picture: gr.HTML
    picture_words: gr.HTML
    places: gr.HTML
    places_words: gr.HTML
    export: gr.HTML
    offsets: gr.Plot
    offset_words: gr.HTML
    shares: gr.Plot
    choices: gr.Plot
    layer_words: gr.HTML
    forgetting: gr.Plot
    forgetting_words: gr.HTML
    kernels: gr.HTML
    kernel_words: gr.HTML
    fields: gr.HTML
    fields_words: gr.HTML
    costs: gr.HTML
    cost_words: gr.HTML
    draw_fields: gr.Button
    count: gr.Button

    @property
    def looked(self) -> list[gr.components.Component]:
        """What another token changes."""
        return [
            *(self.picture, self.picture_words, self.places, self.places_words, self.export),
        ]

    @property
    def parts(self) -> list[gr.components.Component]:
        """What another model or layer changes."""
        own = (self.part, self.draw_fields, self.count)
        return [part for part in vars(self).values() if part not in own]


def build_views(map_id: str, places_id: str, fields_run_id: str) -> MemoryViews:
    """Place the figures; they say what will stand there until it does."""
    return MemoryViews(
        **_build_answers(),
        **_build_map(map_id, places_id),
        **_build_layer(),
        **_build_kernels(),
        **_build_fields(fields_run_id),
        **_build_costs(),
    )


def _build_answers() -> dict:
    standing = gr.HTML('<p class="proof-line"></p>', apply_default_css=False)
    standing_words = caption("", "adapters-memory-standing")
    answers = gr.HTML(
        answers_view(None), elem_id="adapters-memory-answers", apply_default_css=False
    )
    answer_words = caption(ASK_MEMORY, "adapters-memory-answer-caption")
    return {
        "standing": standing,
        "standing_words": standing_words,
        "answers": answers,
        "answer_words": answer_words,
    }


def _build_map(map_id: str, places_id: str) -> dict:
    with gr.Row(elem_classes="adapter-choices"):
        layer = gr.Slider(1, _DEPTH, _DEPTH, step=1, label="Layer", elem_id="adapters-memory-layer")
        part = gr.Radio(
            [(title, name) for name, title in SHARES.items()],
            value="both",
            label="Map of what is added",
            elem_id="adapters-memory-part",
        )
    picture = build_token_picture(map_id, "What the adaptors add over the clip", asks=True)
    picture_words = caption("", "adapters-memory-map-caption")
    _title("The places that the chosen token reads")
    places = gr.HTML(no_places_view(WAITING), elem_id=places_id, apply_default_css=False)
    with gr.Row(elem_classes="under-row"):
        places_words = caption("", "adapters-memory-places-caption")
        export = result_export("adaptor_memory")
    with gr.Row(elem_classes="figure-row"):
        with gr.Column(min_width=320):
            offsets = titled_plot(placeholder(WAITING), "How far back or ahead all tokens read")
            offset_words = caption("")
        with gr.Column(min_width=320):
            choices = titled_plot(placeholder(WAITING), "How layers choose")
    how_it_is_computed(HOW_PLACES)
    return {
        "layer": layer,
        "part": part,
        "picture": picture,
        "picture_words": picture_words,
        "places": places,
        "places_words": places_words,
        "export": export,
        "offsets": offsets,
        "offset_words": offset_words,
        "choices": choices,
    }


def _build_layer() -> dict:
    with gr.Row(elem_classes="figure-row"):
        with gr.Column(min_width=320):
            forgetting = titled_plot(placeholder(WAITING), "Forgetting, without and with memory")
            forgetting_words = caption("", "adapters-memory-forgetting-caption")
        with gr.Column(min_width=320):
            shares = titled_plot(placeholder(WAITING), "What adaptors add, by layer")
            layer_words = caption("")
    how_it_is_computed(HOW_FORGETTING)
    return {
        "forgetting": forgetting,
        "forgetting_words": forgetting_words,
        "shares": shares,
        "layer_words": layer_words,
    }


def _build_kernels() -> dict:
    _title("Kernels of Adaptor-S in this layer")
    kernels = gr.HTML(
        no_kernels_view(WAITING), elem_id="adapters-memory-kernels", apply_default_css=False
    )
    words = caption("")
    how_it_is_computed(HOW_KERNELS)
    return {"kernels": kernels, "kernel_words": words}


def _build_fields(fields_run_id: str) -> dict:
    with gr.Row(elem_classes="matrix-row field-row"):
        _title("How far the chosen token hears, with and without adaptors")
        draw = gr.Button("Draw the fields", size="sm", elem_id=fields_run_id)
    fields = gr.HTML(
        no_field_view(WAITING), elem_id="adapters-memory-fields", apply_default_css=False
    )
    words = caption("", "adapters-memory-fields-caption")
    how_it_is_computed(HOW_FIELDS)
    return {"fields": fields, "fields_words": words, "draw_fields": draw}


def _build_costs() -> dict:
    with gr.Row(elem_classes="matrix-row field-row"):
        _title("What adaptors cost")
        count = gr.Button("Count larger models too", size="sm", elem_id="adapters-memory-count")
    costs = gr.HTML(costs_view([]), elem_id="adapters-memory-costs", apply_default_css=False)
    words = caption("")
    how_it_is_computed(HOW_COSTS)
    return {"costs": costs, "cost_words": words, "count": count}


def _title(words: str) -> None:
    gr.HTML(f'<h4 class="figure-title">{words}</h4>', apply_default_css=False)
