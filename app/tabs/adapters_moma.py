"""MoMa in Adapters: how the scans modulate a frozen CLIP, what they reach, what they cost."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from analysis.adaptation.token_reach import Token
from app.components.explanation import section_heading, what_to_look_at
from app.components.moma_pictures import modulation_picture, reach_picture
from app.components.notice import done, guarded, working
from app.components.packed import packed
from app.context import ANEW, HEAVY, AppContext, Panel
from app.figures.moma_sentences import map_sentence, reach_sentence
from app.figures.number_format import duration
from app.moma_models import MomaSetting, first_setting, modulations
from app.moma_runs import MomaLook, middle_token, moma_clip, moma_look, moma_reach
from app.selection import Selection
from app.tabs.adapters_moma_controls import build_moma_controls, fitting_switches
from app.tabs.adapters_moma_endpoint import build_adapters_endpoint
from app.tabs.adapters_moma_parts import build_maps, build_mixing, build_reach, build_standing


@dataclass(frozen=True)
class Question:
    """What stands on the page: whose clip, in which model."""

    selection: Selection
    setting: MomaSetting


def moma_section(context: AppContext, panel: Panel) -> None:
    """Place the section and connect it; registers the endpoint /adapters."""
    session = context.session
    section_heading("MoMa: a frozen CLIP, modulated by scans over the clip")
    first = first_setting()
    standing = build_standing(first)
    controls = build_moma_controls()
    maps = build_maps(standing, modulations(first))
    reach = build_reach()
    build_mixing()
    token, question = gr.State(None), gr.State(None)

    def modulation(asked: Question, look: MomaLook, layer: int, measure: str) -> dict:
        sampled = moma_clip(session, asked.selection, asked.setting)
        picture = modulation_picture(look, sampled, layer, measure)
        said = map_sentence(look, layer)
        if picture is None:
            picture = modulation_picture(look, sampled, layer, "turn")
            said = f"This fusion has no {measure}, so the turn is shown. {said}"
        return {maps.picture: packed(picture), maps.words: what_to_look_at(said)}

    def reached(asked: Question, at: Token) -> dict:
        found = moma_reach(session, asked.selection, asked.setting, at)
        sampled = moma_clip(session, asked.selection, asked.setting)
        return {
            reach.windows: packed(reach_picture(found, sampled, "windows")),
            reach.scans: packed(reach_picture(found, sampled, "scans")),
            reach.words: what_to_look_at(reach_sentence(found)),
            token: at,
        }

    @panel.computing
    def follow(_asked: Any, *values: Any) -> Iterator[dict]:
        """Maps and answers first, then what a token hears of."""
        *switches, at, layer, measure, clip, model, frames, size, order = values
        asked = Question(Selection(clip, model, frames, size, order), MomaSetting(*switches))
        yield {panel.notice: working(f"Reading {asked.selection.clip_name} with a small MoMa")}
        session.ready.wait()
        look = moma_look(session, asked.selection, asked.setting)
        layer = min(int(layer), len(look.layers))
        yield {
            **maps.looked(look, asked.setting),
            **modulation(asked, look, layer, measure),
            maps.layer: gr.Slider(maximum=len(look.layers), value=layer),
            question: asked,
            panel.shown: asked.selection,
            panel.notice: working("Following the gradient of one token"),
        }
        inside = at is not None and all(x < side for x, side in zip(at, look.grid, strict=True))
        yield reached(asked, at if inside else middle_token(look.grid))
        yield {panel.notice: done(f"Read in {duration(look.latency_ms)}")}

    @guarded(panel.notice)
    def redraw(asked: Question | None, layer: int, measure: str) -> Iterator[dict]:
        """Another modulation or measure of what stands."""
        if asked is None:
            yield {panel.notice: gr.skip()}
            return
        look = moma_look(session, asked.selection, asked.setting)
        yield modulation(asked, look, min(int(layer), len(look.layers)), measure)

    @guarded(panel.notice)
    def click(event: gr.EventData, asked: Question | None) -> Iterator[dict]:
        at = None
        if asked is not None:
            at = _clicked(event, moma_look(session, asked.selection, asked.setting).grid)
        if at is None:
            yield {panel.notice: gr.skip()}
        else:
            yield {**reached(asked, at), panel.notice: done("Reach drawn")}

    def click_once(event: gr.EventData, asked: Question | None) -> dict:
        return next(click(event, asked))

    quiet = {"show_progress": "hidden", "api_visibility": "private"}
    running = {**quiet, **HEAVY, "trigger_mode": "always_last"}
    inputs = [*controls.parts, token, maps.layer, maps.measure, *context.selection_inputs]
    results = [*maps.parts, *reach.parts, token, question, panel.shown, panel.notice]
    panel.request.change(follow, [panel.request, *inputs], results, **running)
    gr.on(controls.moved, follow, [gr.State(ANEW), *inputs], results, **running)
    controls.weights.input(
        lambda weights: fitting_switches(controls, weights),
        controls.weights,
        [controls.strength, controls.fusion],
        **quiet,
    ).then(follow, [gr.State(ANEW), *inputs], results, **running)
    gr.on(
        [maps.layer.input, maps.measure.input],
        redraw,
        [question, maps.layer, maps.measure],
        [maps.picture, maps.words, panel.notice],
        **running,
    )
    for picture in (maps.picture, reach.windows, reach.scans):
        picture.ask(click_once, question, [*reach.parts, token, panel.notice], **running)
    build_adapters_endpoint(session, context.model.value)


def _clicked(event: gr.EventData, grid: Sequence[int]) -> Token | None:
    """The token that was clicked; None for a frame, which has no reach of its own."""
    data = event._data if isinstance(event._data, Mapping) else {}
    index = data.get("index")
    if data.get("kind") != "token" or not isinstance(index, int):
        return None
    _, h, w = grid
    return index // (h * w), index // w % h, index % w
