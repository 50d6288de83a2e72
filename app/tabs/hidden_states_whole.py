"""A layer as a whole in Hidden states: what feeds the read-out, and token against token."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from analysis.attribution.exact.block_matrix import BlockMatrix
from app.background import BackgroundWork
from app.components.explanation import caption, how_it_is_computed, section_heading, what_to_look_at
from app.components.notice import done, guarded, working
from app.components.titled_plot import titled_plot
from app.context import HEAVY, AppContext, Panel
from app.figures.hidden_states import evidence_figure
from app.figures.layer_matrix import matrix_view, no_matrix_view
from app.figures.layer_sentences import evidence_sentence, matrix_sentence
from app.figures.number_format import duration, percent
from app.figures.plot_template import placeholder
from app.layer_answers import LayerMaps, matrix_of_layer
from app.layer_costs import matrix_ms
from app.selection import Selection
from app.session import planned
from app.tabs.hidden_states_how import HOW_MATRIX
from app.theme import ASSETS

PRESS_MATRIX = "Press Draw the matrix to see every token against every other"


@dataclass(frozen=True)
class Whole:
    """The placed section."""

    evidence: gr.Plot
    evidence_words: gr.HTML
    matrix: gr.HTML
    matrix_words: gr.HTML
    draw: gr.Button
    """Shown where the matrix takes so long that it waits for a click."""

    @property
    def parts(self) -> list[gr.components.Component]:
        return [self.evidence, self.evidence_words, self.matrix, self.matrix_words, self.draw]

    def shown_evidence(self, found: LayerMaps) -> dict:
        words = evidence_sentence(found.readout_evidence, found.readout, found.tubelet)
        return {
            self.evidence: evidence_figure(found.readout_evidence, found.tubelet),
            self.evidence_words: what_to_look_at(words),
        }

    def shown_matrix(self, found: BlockMatrix | None, tubelet: int, selection: Selection) -> dict:
        """The matrix, or what it would cost where there is none yet."""
        if found is None:
            about = f"{PRESS_MATRIX}: about {duration(matrix_ms(selection))}."
            return {
                self.matrix: no_matrix_view(about),
                self.matrix_words: what_to_look_at(""),
                self.draw: gr.Button(visible=True),
            }
        return {
            self.draw: gr.Button(visible=False),
            self.matrix: matrix_view(found, tubelet),
            self.matrix_words: what_to_look_at(matrix_sentence(found)),
        }


def build_whole(waiting: str) -> Whole:
    """Place the section; its figures say `waiting` until there are results."""
    section_heading("The layer as a whole")
    with gr.Row(elem_classes="figure-row"):
        with gr.Column(min_width=320):
            evidence = titled_plot(
                placeholder(waiting), "Evidence for the read-out, by source frame and scan"
            )
            evidence_words = caption("", "hidden-evidence-caption")
        with gr.Column(min_width=320):
            with gr.Row(elem_classes="matrix-row"):
                gr.HTML(
                    '<h4 class="figure-title">Token against token</h4>', apply_default_css=False
                )
                draw = gr.Button(
                    "Draw the matrix", size="sm", visible=False, elem_id="hidden-matrix-run"
                )
            matrix = gr.HTML(
                no_matrix_view(waiting),
                css_template=(ASSETS / "layer_matrix.css").read_text(encoding="utf-8"),
                elem_id="hidden-matrix",
                apply_default_css=False,
            )
            matrix_words = caption("", "hidden-matrix-caption")
    how_it_is_computed(HOW_MATRIX)
    return Whole(evidence, evidence_words, matrix, matrix_words, draw)


def wire_matrix(
    whole: Whole, context: AppContext, panel: Panel, layer: gr.Slider
) -> gr.events.Dependency:
    """Connect the button; the event is given back so that it can be stopped."""
    session = context.session

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
        tubelet = selection.tubelet(grid)
        yield {
            **whole.shown_matrix(work.value, tubelet, selection),
            panel.notice: done("Matrix drawn"),
        }

    return whole.draw.click(
        read_matrix,
        [layer, *context.selection_inputs],
        [whole.matrix, whole.matrix_words, whole.draw, panel.notice],
        show_progress="hidden",
        api_visibility="private",
        trigger_mode="always_last",
        **HEAVY,
    )
