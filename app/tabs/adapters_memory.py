"""Mamba-Adaptor in Adapters: which states a token reads, how layers forget, what it costs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

from app.adaptor_costs import LARGER, AdaptorCost, adaptor_cost, setting_cost
from app.adaptor_models import AdaptorSetting, adaptor_selection, adaptor_setting
from app.adaptor_runs import AdaptorRuns, Report, middle_token
from app.components.adaptor_pictures import share_picture
from app.components.explanation import section_heading, what_to_look_at
from app.components.export import exported
from app.components.notice import done, empty_notice, guarded, working
from app.components.packed import packed
from app.context import ANEW, HEAVY, AppContext, Panel
from app.figures.adaptor_fields import fields_sentence, fields_view
from app.figures.adaptor_kernels import kernels_view
from app.figures.adaptor_places import places_view
from app.figures.adaptor_plots import (
    choices_figure,
    forgetting_figure,
    offsets_figure,
    shares_figure,
)
from app.figures.adaptor_sentences import (
    answers_sentence,
    costs_sentence,
    forgetting_sentence,
    kernels_sentence,
    layers_sentence,
    map_sentence,
    offsets_sentence,
    places_sentence,
    standing_sentence,
    token_words,
)
from app.figures.adaptor_tables import answers_view, costs_view, standing_view
from app.figures.number_format import duration
from app.figures.receptive_field import no_field_view
from app.selection import Selection
from app.session import planned
from app.tabs.adapters_memory_controls import build_memory_controls, fitting_strength
from app.tabs.adapters_memory_endpoint import build_adaptor_memory_endpoint
from app.tabs.adapters_memory_views import MemoryViews, build_views

MAP_ID, PLACES_ID = "adapters-memory-map", "adapters-memory-places"
NOTICE_ID, FIELDS_RUN_ID = "adapters-memory-notice", "adapters-memory-fields-run"


@dataclass(frozen=True)
class _Question:
    """What stands on the page: whose clip, in which model, asked about which layer and token."""

    selection: Selection
    setting: AdaptorSetting
    layer: int
    token: int


def memory_section(context: AppContext, panel: Panel) -> None:
    """Place the section and connect it; registers the endpoint /adaptor_memory."""
    session = context.session
    runs = AdaptorRuns(session)
    section_heading("Mamba-Adaptor: a scan that reads states it has forgotten or not met yet")
    controls = build_memory_controls()
    notice = gr.HTML(
        empty_notice(), apply_default_css=False, elem_id=NOTICE_ID, elem_classes="notice-line"
    )
    views = build_views(MAP_ID, PLACES_ID, FIELDS_RUN_ID)
    token, question = gr.State(None), gr.State(None)

    def looked(asked: _Question, part: str) -> dict:
        look = runs.look(asked.selection, asked.setting, asked.layer, asked.token)
        sampled = session.sampled(adaptor_selection(asked.selection, asked.setting))
        return {
            views.picture: packed(share_picture(look, sampled, part)),
            views.picture_words: what_to_look_at(map_sentence(look)),
            views.places: places_view(look, sampled.pixels),
            views.places_words: what_to_look_at(places_sentence(look)),
            views.export: _exported(look),
            token: asked.token,
            question: asked,
        }

    def of_layer(asked: _Question) -> dict:
        look = runs.look(asked.selection, asked.setting, asked.layer, asked.token)
        return {
            views.standing: standing_view(look),
            views.standing_words: what_to_look_at(standing_sentence(asked.setting)),
            views.answers: answers_view(look),
            views.answer_words: what_to_look_at(answers_sentence(look)),
            views.layer: gr.Slider(maximum=look["layers"], value=asked.layer),
            views.offsets: offsets_figure(look),
            views.offset_words: what_to_look_at(offsets_sentence(look)),
            views.shares: shares_figure(look),
            views.choices: choices_figure(look),
            views.layer_words: what_to_look_at(layers_sentence(look)),
            views.kernels: kernels_view(look),
            views.kernel_words: what_to_look_at(kernels_sentence(look)),
        }

    def forgotten(asked: _Question) -> dict:
        curves = runs.forgetting(asked.selection, asked.setting, asked.layer)
        return {
            views.forgetting: forgetting_figure(curves),
            views.forgetting_words: what_to_look_at(
                forgetting_sentence(curves, asked.setting.training)
            ),
        }

    def answered(asked: _Question, part: str) -> Iterator[dict]:
        """The map and the places first, then curves, then costs; fields wait for their button."""
        yield {notice: working(f"Reading {asked.selection.clip_name} with a small Mamba-Adaptor")}
        session.ready.wait()
        yield {
            **looked(asked, part),
            **of_layer(asked),
            views.fields: no_field_view(_PRESS),
            views.fields_words: what_to_look_at(""),
            notice: working("Following what every token keeps of every other"),
        }
        yield {**forgotten(asked), notice: working("Counting parameters and multiply-adds")}
        yield {**_counted([setting_cost(asked.setting)], views), notice: done(_read_in(asked))}

    def _read_in(asked: _Question) -> str:
        look = runs.look(asked.selection, asked.setting, asked.layer, asked.token)
        return f"Read twice, without adaptors and with them, in {duration(look['latency_ms'])}"

    @guarded(notice)
    def follow(begin: Any, *values: Any) -> Iterator[dict]:
        if begin is None:
            yield {notice: gr.skip()}
            return
        *switches, at, layer, part = values[: len(controls.parts) + 3]
        selection = Selection(*values[len(controls.parts) + 3 :])
        setting = adaptor_setting(*switches)
        yield from answered(_fitted(selection, setting, layer, at), part)

    @guarded(notice)
    def another_layer(asked: _Question | None, layer: int, part: str) -> Iterator[dict]:
        """Another layer of what stands."""
        if asked is None:
            return
        now = _fitted(asked.selection, asked.setting, layer, asked.token)
        yield {**looked(now, part), **of_layer(now), notice: working("Following what it keeps")}
        yield {**forgotten(now), notice: done(f"Layer {now.layer} drawn")}

    @guarded(notice)
    def ask(event: gr.EventData, asked: _Question | None, part: str) -> Iterator[dict]:
        """A patch, or CLS, was chosen on the map; frames read nothing of their own."""
        at = _clicked(event)
        if asked is None or at is None:
            return
        now = _fitted(asked.selection, asked.setting, asked.layer, at)
        yield {**looked(now, part), notice: done("Places drawn")}

    @guarded(notice)
    def another_part(asked: _Question | None, part: str) -> Iterator[dict]:
        if asked is not None:
            yield looked(asked, part)

    @guarded(notice)
    def draw_fields(asked: _Question | None) -> Iterator[dict]:
        if asked is None:
            return
        yield {notice: working("Following the gradient back to the pixels, four times")}
        fields = runs.fields(asked.selection, asked.setting, asked.token)
        look = runs.look(asked.selection, asked.setting, asked.layer, asked.token)
        sampled = session.sampled(adaptor_selection(asked.selection, asked.setting))
        yield {
            views.fields: fields_view(fields, sampled.pixels),
            views.fields_words: what_to_look_at(fields_sentence(fields, token_words(look))),
            notice: done("Fields drawn"),
        }

    @guarded(notice)
    def count_larger(asked: _Question | None) -> Iterator[dict]:
        if asked is None:
            return
        yield {notice: working("Counting parameters and multiply-adds of larger models")}
        costs = [setting_cost(asked.setting), *map(adaptor_cost, LARGER)]
        yield {**_counted(costs, views), notice: done("Counted")}

    quiet = {"show_progress": "hidden", "api_visibility": "private"}
    running = {**quiet, **HEAVY, "trigger_mode": "always_last"}
    inputs = [*controls.parts, token, views.layer, views.part, *context.selection_inputs]
    drawn = [*views.looked, token, question, notice]
    results = [*views.parts, token, question, notice]
    panel.request.change(follow, [panel.request, *inputs], results, **running)
    gr.on(controls.moved, follow, [gr.State(ANEW), *inputs], results, **running)
    controls.adaptors.input(
        lambda adaptors: fitting_strength(controls, adaptors),
        controls.adaptors,
        controls.strength,
        **quiet,
    ).then(follow, [gr.State(ANEW), *inputs], results, **running)
    views.layer.release(another_layer, [question, views.layer, views.part], results, **running)
    views.part.input(another_part, [question, views.part], drawn, **running)
    views.picture.ask(ask, [question, views.part], drawn, **running)
    views.draw_fields.click(
        draw_fields, question, [views.fields, views.fields_words, notice], **running
    )
    views.count.click(count_larger, question, [views.costs, views.cost_words, notice], **running)
    build_adaptor_memory_endpoint(session, runs)


_PRESS = "Press Draw the fields to see which pixels the token hears of: four gradients."


def _fitted(
    selection: Selection, setting: AdaptorSetting, layer: float, token: int | None
) -> _Question:
    """The question, its layer and token among those the model has."""
    config = planned(adaptor_selection(selection, setting)).config
    grid = config.token_grid
    if token is None or not 0 <= token < grid.length:
        token = middle_token(grid)
    return _Question(selection, setting, max(1, min(int(layer), config.depth)), token)


def _counted(costs: list[AdaptorCost], views: MemoryViews) -> dict:
    return {
        views.costs: costs_view(costs),
        views.cost_words: what_to_look_at(costs_sentence(costs)),
    }


def _clicked(event: gr.EventData) -> int | None:
    """The canonical token that was chosen; None for frames and what makes no sense."""
    data = event._data if isinstance(event._data, Mapping) else {}
    kind, index = data.get("kind"), data.get("index")
    if kind == "readout":
        return 0
    return index + 1 if kind == "token" and isinstance(index, int) else None


def _exported(look: Report) -> dict:
    settings = {
        key: look[key] for key in ("clip", "model", "training", "setting", "layer", "token", "grid")
    }
    name = f"{look['clip']}-adaptor-memory-layer-{look['layer']}"
    return exported(name, [look], settings, look["places"])
