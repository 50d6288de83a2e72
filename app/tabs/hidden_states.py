"""Hidden states: who feeds a patch, a frame or the answer in a layer, and how long it remembers."""

from collections.abc import Iterator, Mapping
from typing import Any

import gradio as gr

from analysis.attribution.exact.block_matrix import BlockMatrix
from analysis.attribution.exact.token_map import MapQuestion, Subject
from analysis.attribution.memory.layer_memory import LayerMemory
from app.background import BackgroundWork
from app.components.explanation import caption, how_it_is_computed, what_to_look_at
from app.components.export import exported, result_export
from app.components.layer_pictures import delta_picture, map_picture
from app.components.notice import done, guarded, stale, stopped, working
from app.components.titled_plot import titled_plot
from app.components.token_picture import build_token_picture
from app.context import HEAVY, AppContext
from app.figures.hidden_states import (
    evidence_figure,
    half_life_figure,
    retention_figure,
    state_figure,
)
from app.figures.layer_facts import layer_facts, no_layer_facts, proof_line
from app.figures.layer_matrix import matrix_view, no_matrix_view
from app.figures.layer_sentences import (
    ASK,
    delta_sentence,
    evidence_sentence,
    map_sentence,
    matrix_sentence,
    memory_sentence,
    state_sentence,
)
from app.figures.number_format import duration, percent
from app.figures.plot_template import placeholder
from app.layer_answers import (
    LayerMaps,
    known_matrix,
    layer_maps,
    map_rows,
    map_settings,
    matrix_ms,
    matrix_of_layer,
    memory_of_layer,
)
from app.selection import Selection
from app.session import Session, planned
from app.tabs.hidden_states_endpoint import build_hidden_states_endpoint
from app.tabs.hidden_states_how import HOW_MAP, HOW_MATRIX, HOW_MEMORY
from app.theme import ASSETS

SIDE_CHOICES = (("Who feeds it", "sources"), ("Whom it feeds", "receivers"))
DIRECTION_CHOICES = (("Both", "both"), ("Forward", "forward"), ("Backward", "backward"))
SCORE_CHOICES = (
    ("L2 norm", "l2_norm"),
    ("L1 norm", "l1_norm"),
    ("Signed share", "signed_share"),
    ("ALTI", "alti"),
    ("Logit share", "logit_share"),
)
LEVEL_CHOICES = (
    ("Residual stream", "residual"),
    ("Pre-conv", "pre_conv"),
    ("Scan values", "value"),
)
WAITING = "Trace the clip to see this"
PRESS_MATRIX = "Press Draw the matrix to see every token against every other"
READOUT = Subject("readout")
TRACE_PASSES = 3
"""Forward passes that take as long as a trace with the read-outs of one layer."""


def build_hidden_states(context: AppContext) -> None:
    """Lay out the tab and connect it; registers the endpoint /hidden_states."""
    session = context.session
    first = Selection(*(part.value for part in context.selection_inputs))
    depth = planned(first).config.depth
    with gr.Row(elem_classes="action-row"):
        run = gr.Button("Trace", variant="primary", size="sm", elem_id="hidden-run")
        stop = gr.Button("Stop", size="sm", elem_id="hidden-stop")
        panel = context.panel("hidden_states", automatic=lambda chosen: _quick(session, chosen))
    with gr.Row(elem_id="hidden-controls"):
        layer = gr.Slider(1, depth, depth, step=1, label="Layer", elem_id="hidden-layer")
        side = gr.Radio(list(SIDE_CHOICES), value="sources", label="Shown", elem_id="hidden-side")
        direction = gr.Radio(
            list(DIRECTION_CHOICES), value="both", label="Scan", elem_id="hidden-direction"
        )
        score = gr.Dropdown(
            list(SCORE_CHOICES),
            value="l2_norm",
            label="Measured as",
            filterable=False,
            elem_id="hidden-score",
        )
        level = gr.Dropdown(
            list(LEVEL_CHOICES),
            value="residual",
            label="Taken apart in",
            filterable=False,
            elem_id="hidden-level",
        )
    picture = build_token_picture("hidden-map", "Contributions over the clip", asks=True)
    proof = gr.HTML(proof_line(None), elem_id="hidden-proof", apply_default_css=False)
    with gr.Row(elem_classes="under-row"):
        map_caption = caption(ASK, "hidden-caption")
        export = result_export("hidden_states")
    how_it_is_computed(HOW_MAP)

    _heading("The layer as a whole")
    with gr.Row(elem_classes="figure-row"):
        with gr.Column(min_width=320):
            evidence = titled_plot(
                placeholder(WAITING), "Evidence for the read-out, by source frame and scan"
            )
            evidence_caption = caption("", "hidden-evidence-caption")
        with gr.Column(min_width=320):
            with gr.Row(elem_classes="matrix-row"):
                gr.HTML(
                    '<h4 class="figure-title">Token against token</h4>', apply_default_css=False
                )
                draw_matrix = gr.Button(
                    "Draw the matrix", size="sm", visible=False, elem_id="hidden-matrix-run"
                )
            matrix = gr.HTML(
                no_matrix_view(WAITING),
                css_template=(ASSETS / "layer_matrix.css").read_text(encoding="utf-8"),
                elem_id="hidden-matrix",
                apply_default_css=False,
            )
            matrix_caption = caption("", "hidden-matrix-caption")
    how_it_is_computed(HOW_MATRIX)

    _heading("Memory of the layer")
    delta = build_token_picture("hidden-delta", "Step sizes over the clip", asks=False)
    delta_caption = caption("", "hidden-delta-caption")
    with gr.Row(elem_classes="figure-row"):
        with gr.Column(min_width=320):
            retention = titled_plot(placeholder(WAITING), "Share of the state that is left")
        with gr.Column(min_width=320):
            half_lives = titled_plot(placeholder(WAITING), "Half-lives of the states")
    memory_caption = caption("", "hidden-memory-caption")
    with gr.Row(elem_classes="figure-row"):
        with gr.Column(min_width=320):
            state = titled_plot(placeholder(WAITING), "Norm of the state along the scan")
            state_caption = caption("")
        with gr.Column(min_width=320):
            gr.HTML(
                '<h4 class="figure-title">Which way the output takes</h4>', apply_default_css=False
            )
            facts = gr.HTML(no_layer_facts(), elem_id="hidden-facts", apply_default_css=False)
    how_it_is_computed(HOW_MEMORY)
    subject = gr.State(READOUT)
    known_depth = gr.State(depth)
    drawn = gr.State(None)

    def answered(
        subject_now: Subject,
        selection: Selection,
        layer_now: int,
        question: tuple[str, str, str, str],
        drawn_now: tuple | None,
        depth_now: int,
        progress: gr.Progress | None,
    ) -> Iterator[dict]:
        """The map first; then what stands of the layer as a whole, where it is another layer."""
        config = planned(selection).config
        if config.depth != depth_now:
            layer_now = config.depth
            yield {layer: gr.Slider(maximum=config.depth, value=layer_now), known_depth: layer_now}
        if not subject_now.fits(config.token_grid):
            subject_now = READOUT
        if not session.ready.is_set():
            yield {panel.notice: working("Preparing the compiled scan, once on a new machine")}
            session.ready.wait()
        if not session.is_traced(selection, layer_now - 1):
            yield {panel.notice: working(f"Tracing {selection.model}")}
        side_now, direction_now, score_now, level_now = question
        asked = MapQuestion(subject_now, side_now, direction_now, level_now, score_now)
        found = layer_maps(session, selection, layer_now, asked, progress)
        yield {
            **shown_map(found, selection),
            subject: subject_now,
            panel.shown: selection,
            panel.notice: done(_finished(found)),
        }
        wanted = (selection, layer_now, direction_now)
        if wanted == drawn_now:
            return
        yield {
            evidence: evidence_figure(found.readout_evidence, found.tubelet),
            evidence_caption: what_to_look_at(
                evidence_sentence(found.readout_evidence, found.readout, found.tubelet)
            ),
        }
        memory = memory_of_layer(session, selection, layer_now)
        yield {**shown_memory(memory, found, selection, direction_now), drawn: wanted}
        if drawn_now is not None and drawn_now[:2] == wanted[:2]:
            return
        standing = known_matrix(session, selection, layer_now)
        if standing is None and matrix_ms(selection) <= 1000 * session.settings.patience_s:
            standing = matrix_of_layer(session, selection, layer_now)
        yield shown_matrix(standing, found.tubelet, selection)

    def shown_map(found: LayerMaps, selection: Selection) -> dict:
        asked = found.asked
        return {
            picture: map_picture(found, selection),
            proof: proof_line(asked),
            map_caption: what_to_look_at(map_sentence(asked, found.readout, found.tubelet)),
            export: _exported(found, selection),
        }

    def shown_memory(
        memory: LayerMemory, found: LayerMaps, selection: Selection, direction_now: str
    ) -> dict:
        return {
            delta: delta_picture(memory, direction_now, found, selection),
            delta_caption: what_to_look_at(
                delta_sentence(*memory.delta_of(direction_now), found.tubelet)
            ),
            retention: retention_figure(memory, found.tubelet),
            half_lives: half_life_figure(memory, found.tubelet),
            memory_caption: what_to_look_at(memory_sentence(memory, found.tubelet)),
            state: state_figure(memory),
            state_caption: what_to_look_at(state_sentence(memory)),
            facts: layer_facts(memory),
        }

    def shown_matrix(found: BlockMatrix | None, tubelet: int, selection: Selection) -> dict:
        if found is None:
            about = f"{PRESS_MATRIX}: about {duration(matrix_ms(selection))}."
            return {
                matrix: no_matrix_view(about),
                matrix_caption: what_to_look_at(""),
                draw_matrix: gr.Button(visible=True),
            }
        return {
            draw_matrix: gr.Button(visible=False),
            matrix: matrix_view(found, tubelet),
            matrix_caption: what_to_look_at(matrix_sentence(found)),
        }

    @panel.computing
    def trace(
        _asked: Any,
        subject_now: Subject,
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

    def unless_long(subject_now: Subject, layer_now: int, *values: Any) -> Iterator[dict]:
        """Answer another question about the clip; a long forward pass waits for the button."""
        *question, drawn_now, depth_now, clip, model, frames, size, order, progress = values
        selection = Selection(clip, model, frames, size, order)
        if not _quick(session, selection) and not session.is_traced(selection, int(layer_now) - 1):
            about = duration(TRACE_PASSES * session.estimate_ms(selection))
            yield {
                subject: subject_now,
                panel.notice: stale(f"Press Trace to run {model} first: about {about}."),
            }
            return
        yield from answered(
            subject_now, selection, int(layer_now), tuple(question), drawn_now, depth_now, progress
        )

    @guarded(panel.notice)
    def ask(event: gr.EventData, subject_now: Subject, *values: Any) -> Iterator[dict]:
        """A patch, a frame or the read-out was chosen on the picture."""
        yield from unless_long(_chosen_subject(event) or subject_now, *values, None)

    @guarded(panel.notice)
    def choose(*values: Any) -> Iterator[dict]:
        """A control in the row above the picture was moved."""
        yield from unless_long(*values, None)

    @guarded(panel.notice)
    def read_matrix(layer_now: int, *values: Any) -> Iterator[dict]:
        selection = Selection(*values)
        yield {panel.notice: working(f"Tracing {selection.model}")}
        work = BackgroundWork(
            lambda report: matrix_of_layer(session, selection, int(layer_now), report)
        )
        for share in work:
            yield {panel.notice: working(f"Token against token, {percent(share)}")}
        grid = planned(selection).config.token_grid
        yield {
            **shown_matrix(work.value, max(1, selection.num_frames // grid.t), selection),
            panel.notice: done("Matrix drawn"),
        }

    quiet = {"show_progress": "hidden", "api_visibility": "private"}
    running = {**quiet, **HEAVY, "trigger_mode": "always_last"}
    choice = [subject, layer, side, direction, score, level, drawn, known_depth]
    choice += context.selection_inputs
    results = [
        *(picture, proof, map_caption, export, subject, panel.shown, panel.notice),
        *(evidence, evidence_caption, matrix, matrix_caption, delta, delta_caption),
        *(retention, half_lives, memory_caption, state, state_caption, facts),
        *(drawn, layer, known_depth, draw_matrix),
    ]
    events = [
        run.click(trace, [gr.State("anew"), *choice], results, **running),
        panel.request.change(trace, [panel.request, *choice], results, **running),
        picture.ask(ask, choice, results, **running),
        gr.on(
            [control.input for control in (layer, side, direction, score, level)],
            choose,
            choice,
            results,
            **running,
        ),
        draw_matrix.click(
            read_matrix,
            [layer, *context.selection_inputs],
            [matrix, matrix_caption, draw_matrix, panel.notice],
            **running,
        ),
    ]
    stop.click(stopped, None, panel.notice, cancels=events, queue=False, **quiet)
    build_hidden_states_endpoint(session, first.model)


def _quick(session: Session, selection: Selection) -> bool:
    """Whether tracing, which takes longer than an answer, is soon done without a click."""
    estimate = TRACE_PASSES * session.estimate_ms(selection)
    return session.quick(selection) and estimate <= 1000 * session.settings.patience_s


def _heading(text: str) -> None:
    gr.HTML(f'<h3 class="section-heading">{text}</h3>', apply_default_css=False)


def _chosen_subject(event: gr.EventData) -> Subject | None:
    """What was clicked on in the picture; None for other events and for what makes no sense."""
    data = event._data if isinstance(event._data, Mapping) else {}
    kind, index = data.get("kind"), data.get("index")
    if kind not in ("token", "frame", "readout") or not isinstance(index, int):
        return None
    return Subject(kind, index + 1 if kind == "token" else index)


def _finished(found: LayerMaps) -> str:
    return f"Layer {found.layer} of {found.depth}, answered in {duration(found.latency_ms)}"


def _exported(found: LayerMaps, selection: Selection) -> dict:
    settings = map_settings(found, selection)
    name = f"{selection.clip_name}-hidden-states-layer-{found.layer}"
    return exported(name, [{**settings, "tokens": map_rows(found)}], settings, map_rows(found))
