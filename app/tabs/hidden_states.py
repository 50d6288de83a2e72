"""Hidden states: who feeds a patch, a frame or the answer in a layer, and how long it remembers."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from analysis.attribution.exact.token_map import MapQuestion
from analysis.tracing.opened_models import traced_grid
from app.components.explanation import caption, how_it_is_computed, what_to_look_at
from app.components.export import exported, result_export
from app.components.layer_pictures import map_picture
from app.components.notice import done, guarded, stale, stopped, working
from app.components.packed import packed
from app.components.token_picture import build_token_picture
from app.context import ANEW, HEAVY, AppContext
from app.figures.layer_facts import proof_line
from app.figures.layer_sentences import ASK, map_sentence
from app.figures.number_format import duration
from app.layer_answers import (
    LayerMaps,
    known_matrix,
    layer_maps,
    map_rows,
    map_settings,
    matrix_of_layer,
    memory_of_layer,
    soon_traced,
    trace_ms,
)
from app.layer_costs import CHEAPER, check_map_budget, map_ms, matrix_ms, press_words
from app.opened_models import traced_config
from app.selection import Selection
from app.session import planned
from app.tabs.hidden_states_controls import build_controls
from app.tabs.hidden_states_endpoint import build_hidden_states_endpoint
from app.tabs.hidden_states_field import build_field, wire_field
from app.tabs.hidden_states_how import HOW_MAP
from app.tabs.hidden_states_memory import build_memory
from app.tabs.hidden_states_subject import Picked, picked, subject_of
from app.tabs.hidden_states_whole import build_whole, wire_matrix

WAITING = "Trace the clip to see this"


@dataclass(frozen=True)
class TokenMap:
    """The placed map of one token, frame or read-out, with its proof."""

    picture: gr.HTML
    proof: gr.HTML
    words: gr.HTML
    export: gr.HTML

    @property
    def parts(self) -> list[gr.components.Component]:
        return [self.picture, self.proof, self.words, self.export]

    def shown(self, found: LayerMaps, selection: Selection) -> dict:
        asked = found.asked
        return {
            self.picture: packed(map_picture(found, selection)),
            self.proof: proof_line(asked),
            self.words: what_to_look_at(map_sentence(asked, found.readout, found.tubelet)),
            self.export: _exported(found, selection),
        }


def build_hidden_states(context: AppContext) -> None:
    """Lay out the tab and connect it; registers the endpoint /hidden_states."""
    session = context.session
    first = Selection(*(part.value for part in context.selection_inputs))
    depth = planned(first).config.depth
    with gr.Row(elem_classes="action-row"):
        run = gr.Button("Trace", variant="primary", size="sm", elem_id="hidden-run")
        stop = gr.Button("Stop", size="sm", elem_id="hidden-stop")
        panel = context.panel(
            "hidden_states", automatic=lambda chosen: soon_traced(session, chosen)
        )
    controls = build_controls(depth)
    token_map = _build_map()
    whole = build_whole(WAITING)
    memory = build_memory(WAITING)
    field = build_field(WAITING)
    subject = gr.State(None)
    known_depth = gr.State(depth)
    drawn = gr.State(None)
    wish = gr.State(None)
    patience_ms = 1000 * session.settings.patience_s

    def mapped(
        subject_now: Picked | None,
        selection: Selection,
        layer_now: int,
        question: tuple[str, str, str, str],
        progress: gr.Progress | None,
    ) -> tuple[LayerMaps, dict]:
        """The map of a question, and where it is shown."""
        asked = _asked(subject_now, selection, question)
        found = layer_maps(session, selection, layer_now, asked, progress)
        return found, {
            **token_map.shown(found, selection),
            subject: subject_now,
            panel.notice: done(_finished(found)),
        }

    def answered(
        subject_now: Picked | None,
        selection: Selection,
        layer_now: int,
        question: tuple[str, str, str, str],
        drawn_now: tuple | None,
        depth_now: int,
        progress: gr.Progress | None,
    ) -> Iterator[dict]:
        """The map first; then what stands of the layer as a whole, where it is another layer."""
        config = traced_config(selection, "Hidden states")
        if config.depth != depth_now:
            layer_now = config.depth
            yield {
                controls.layer: gr.Slider(maximum=config.depth, value=layer_now),
                known_depth: layer_now,
            }
        if not session.ready.is_set():
            yield {panel.notice: working("Preparing the compiled scan, once on a new machine")}
            session.ready.wait()
        if not session.is_traced(selection, layer_now - 1):
            yield {panel.notice: working(f"Tracing {selection.model}")}
        map_cost_ms = map_ms(selection, _asked(subject_now, selection, question))
        if map_cost_ms > patience_ms:
            yield {panel.notice: working(f"A map of about {duration(map_cost_ms)}. {CHEAPER}")}
        found, shown = mapped(subject_now, selection, layer_now, question, progress)
        yield {**shown, panel.shown: selection}
        direction_now = question[1]
        wanted = (selection, layer_now, direction_now)
        if wanted == drawn_now:
            return
        yield whole.shown_evidence(found)
        remembered = memory_of_layer(session, selection, layer_now)
        yield {**memory.shown(remembered, found, selection, direction_now), drawn: wanted}
        if drawn_now is not None and drawn_now[:2] == wanted[:2]:
            return
        standing = known_matrix(session, selection, layer_now)
        if standing is None and matrix_ms(selection) <= patience_ms:
            standing = matrix_of_layer(session, selection, layer_now)
        yield whole.shown_matrix(standing, found.tubelet, selection)
        if drawn_now is None or drawn_now[0] != selection:
            yield field.first(session, selection, found.asked.question.subject)

    @panel.computing
    def trace(
        _asked: Any,
        subject_now: Picked | None,
        layer_now: int,
        side_now: str,
        direction_now: str,
        score_now: str,
        level_now: str,
        drawn_now: tuple | None,
        depth_now: int,
        clip: str,
        model: str,
        frames: int,
        size: int,
        order: str,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 (Gradio finds it by its default)
    ) -> Iterator[dict]:
        selection = Selection(clip, model, frames, size, order)
        question = (side_now, direction_now, score_now, level_now)
        yield from answered(
            subject_now, selection, int(layer_now), question, drawn_now, depth_now, progress
        )

    @guarded(panel.notice)
    def choose(subject_now: Picked | None, layer_now: int, *values: Any) -> Iterator[dict]:
        """Answer another question about the clip; what takes long waits for the button."""
        *question, drawn_now, depth_now, clip, model, frames, size, order = values
        selection = Selection(clip, model, frames, size, order)
        asked = _asked(subject_now, selection, tuple(question))
        check_map_budget(selection, asked)
        known = session.is_traced(selection, int(layer_now) - 1)
        waits = map_ms(selection, asked) > patience_ms
        if waits or not (known or soon_traced(session, selection)):
            first_ms = 0 if known else trace_ms(session, selection)
            waiting = press_words(selection.model, first_ms, map_ms(selection, asked))
            yield {subject: subject_now, panel.notice: stale(waiting)}
            return
        yield from answered(
            subject_now, selection, int(layer_now), tuple(question), drawn_now, depth_now, None
        )

    @guarded(panel.notice)
    def map_or_wish(subject_now: Picked | None, layer_now: int, *values: Any) -> Iterator[dict]:
        """Another map of what is drawn already; for anything else, the wish of all figures."""
        *question, drawn_now, _, clip, model, frames, size, order = values
        selection = Selection(clip, model, frames, size, order)
        soon = map_ms(selection, _asked(subject_now, selection, tuple(question))) <= patience_ms
        if soon and drawn_now == (selection, int(layer_now), question[1]):
            yield mapped(subject_now, selection, int(layer_now), tuple(question), None)[1]
        else:
            yield {subject: subject_now, wish: time.monotonic_ns()}

    def ask(event: gr.EventData, subject_now: Picked | None, *values: Any) -> dict:
        """A patch, a frame or the read-out was chosen on the picture.

        One answer to few parts: of the time that a click takes, the page takes most.
        """
        return next(map_or_wish(picked(event) or subject_now, *values))

    quiet = {"show_progress": "hidden", "api_visibility": "private"}
    running = {**quiet, **HEAVY, "trigger_mode": "always_last"}
    choice = [subject, *controls.parts, drawn, known_depth, *context.selection_inputs]
    results = [*token_map.parts, *whole.parts, *memory.parts, *field.parts, controls.layer]
    results += [subject, known_depth, drawn, panel.shown, panel.notice]
    moved = [control.input for control in controls.parts]
    map_parts = [*token_map.parts, subject, wish, panel.notice]
    events = [
        run.click(trace, [gr.State(ANEW), *choice], results, **running),
        panel.request.change(trace, [panel.request, *choice], results, **running),
        token_map.picture.ask(ask, choice, map_parts, **running),
        gr.on([*moved, wish.change], choose, choice, results, **running),
        wire_matrix(whole, context, panel, controls.layer),
        wire_field(field, context, panel, subject),
    ]
    stop.click(stopped, None, panel.notice, cancels=events, queue=False, **quiet)
    build_hidden_states_endpoint(session, first.model)


def _build_map() -> TokenMap:
    picture = build_token_picture("hidden-map", "Contributions over the clip", asks=True)
    proof = gr.HTML(proof_line(None), elem_id="hidden-proof", apply_default_css=False)
    with gr.Row(elem_classes="under-row"):
        words = caption(ASK, "hidden-caption")
        export = result_export("hidden_states")
    how_it_is_computed(HOW_MAP)
    return TokenMap(picture, proof, words, export)


def _asked(
    subject_now: Picked | None, selection: Selection, question: tuple[str, str, str, str]
) -> MapQuestion:
    """What the controls ask: side, scan direction, score and level, about what was picked."""
    side_now, direction_now, score_now, level_now = question
    about = subject_of(subject_now, traced_grid(traced_config(selection, "Hidden states")))
    return MapQuestion(about, side_now, direction_now, level_now, score_now)


def _finished(found: LayerMaps) -> str:
    return f"Layer {found.layer} of {found.depth}, answered in {duration(found.latency_ms)}"


def _exported(found: LayerMaps, selection: Selection) -> dict:
    settings = map_settings(found, selection)
    name = f"{selection.clip_name}-hidden-states-layer-{found.layer}"
    return exported(name, [{**settings, "tokens": map_rows(found)}], settings, map_rows(found))
