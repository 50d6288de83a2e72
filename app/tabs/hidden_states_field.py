"""How far the whole model looks, in Hidden states: the pixels that a final token depends on."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from analysis.attribution.exact.token_map import Subject
from analysis.tracing.opened_models import traced_grid
from app.components.explanation import caption, how_it_is_computed, section_heading, what_to_look_at
from app.components.notice import done, guarded, working
from app.context import HEAVY, AppContext, Panel
from app.figures.number_format import duration
from app.figures.receptive_field import field_sentence, field_view, no_field_view
from app.opened_models import traced_config
from app.receptive_fields import fields_ms, receptive_fields
from app.selection import Selection
from app.session import Session
from app.tabs.hidden_states_how import HOW_FIELD
from app.tabs.hidden_states_subject import Picked, subject_of


@dataclass(frozen=True)
class Field:
    """The placed section."""

    picture: gr.HTML
    words: gr.HTML
    draw: gr.Button

    @property
    def parts(self) -> list[gr.components.Component]:
        return [self.picture, self.words]

    def drawn(self, session: Session, selection: Selection, subject: Subject) -> dict:
        """The field of what is asked about, computed now."""
        fields = receptive_fields(session, selection, subject)
        return {
            self.picture: field_view(fields),
            self.words: what_to_look_at(field_sentence(fields)),
        }

    def first(self, session: Session, selection: Selection, subject: Subject) -> dict:
        """The field where it is soon there, else what it would cost."""
        cost_ms = fields_ms(session, selection)
        if cost_ms <= 1000 * session.settings.patience_s:
            return self.drawn(session, selection, subject)
        about = f"Press Draw the field to see it: about {duration(cost_ms)}."
        return {self.picture: no_field_view(about), self.words: what_to_look_at("")}


def build_field(waiting: str) -> Field:
    """Place the section; its picture says `waiting` until there is one."""
    section_heading("How far the model looks")
    with gr.Row(elem_classes="matrix-row field-row"):
        words = caption("", "hidden-field-caption")
        draw = gr.Button("Draw the field", size="sm", elem_id="hidden-field-run")
    picture = gr.HTML(no_field_view(waiting), elem_id="hidden-field", apply_default_css=False)
    how_it_is_computed(HOW_FIELD)
    return Field(picture, words, draw)


def wire_field(
    field: Field, context: AppContext, panel: Panel, subject: gr.State
) -> gr.events.Dependency:
    """Connect the button, which draws the field of what is asked about above."""

    @guarded(panel.notice)
    def draw_field(chosen: Picked | None, *values: Any) -> Iterator[dict]:
        selection = Selection(*values)
        config = traced_config(selection, "The receptive field")
        subject = subject_of(chosen, traced_grid(config))
        yield {panel.notice: working("Following the gradient back to the pixels")}
        yield {
            **field.drawn(context.session, selection, subject),
            panel.notice: done("Field drawn"),
        }

    return field.draw.click(
        draw_field,
        [subject, *context.selection_inputs],
        [*field.parts, panel.notice],
        show_progress="hidden",
        api_visibility="private",
        trigger_mode="always_last",
        **HEAVY,
    )
