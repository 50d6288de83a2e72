"""The memory of a layer in Hidden states: step sizes, what stays of the state and how long."""

from dataclasses import dataclass, fields

import gradio as gr

from analysis.attribution.memory.layer_memory import LayerMemory
from app.components.explanation import caption, how_it_is_computed, section_heading, what_to_look_at
from app.components.layer_pictures import delta_picture
from app.components.packed import packed
from app.components.titled_plot import titled_plot
from app.components.token_picture import build_token_picture
from app.figures.hidden_states import half_life_figure, retention_figure, state_figure
from app.figures.layer_facts import layer_facts, no_layer_facts
from app.figures.layer_sentences import delta_sentence, memory_sentence, state_sentence
from app.figures.plot_template import placeholder
from app.layer_answers import LayerMaps
from app.selection import Selection
from app.tabs.hidden_states_how import HOW_MEMORY


@dataclass(frozen=True)
class Memory:
    """The placed section."""

    delta: gr.HTML
    delta_words: gr.HTML
    retention: gr.Plot
    half_lives: gr.Plot
    words: gr.HTML
    state: gr.Plot
    state_words: gr.HTML
    facts: gr.HTML

    @property
    def parts(self) -> list[gr.components.Component]:
        return [getattr(self, part.name) for part in fields(self)]

    def shown(
        self, memory: LayerMemory, found: LayerMaps, selection: Selection, direction: str
    ) -> dict:
        """Every part with the memory of one layer; step sizes of the scans of `direction`."""
        step_sizes = delta_sentence(*memory.delta_of(direction), found.tubelet)
        return {
            self.delta: packed(delta_picture(memory, direction, found, selection)),
            self.delta_words: what_to_look_at(step_sizes),
            self.retention: retention_figure(memory, found.tubelet),
            self.half_lives: half_life_figure(memory, found.tubelet),
            self.words: what_to_look_at(memory_sentence(memory, found.tubelet)),
            self.state: state_figure(memory),
            self.state_words: what_to_look_at(state_sentence(memory)),
            self.facts: layer_facts(memory),
        }


def build_memory(waiting: str) -> Memory:
    """Place the section; its plots say `waiting` until there are results."""
    section_heading("Memory of the layer")
    delta = build_token_picture("hidden-delta", "Step sizes over the clip", asks=False)
    delta_words = caption("", "hidden-delta-caption")
    with gr.Row(elem_classes="figure-row"):
        with gr.Column(min_width=320):
            retention = titled_plot(placeholder(waiting), "Share of the state that is left")
        with gr.Column(min_width=320):
            half_lives = titled_plot(placeholder(waiting), "Half-lives of the states")
    words = caption("", "hidden-memory-caption")
    with gr.Row(elem_classes="figure-row"):
        with gr.Column(min_width=320):
            state = titled_plot(placeholder(waiting), "Norm of the state along the scan")
            state_words = caption("")
        with gr.Column(min_width=320):
            gr.HTML(
                '<h4 class="figure-title">Which way the output takes</h4>', apply_default_css=False
            )
            facts = gr.HTML(no_layer_facts(), elem_id="hidden-facts", apply_default_css=False)
    how_it_is_computed(HOW_MEMORY)
    return Memory(delta, delta_words, retention, half_lives, words, state, state_words, facts)
