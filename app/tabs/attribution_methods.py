"""The methods of Attribution to choose from: those that can explain the model that is chosen."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from analysis.attribution.attribution import METHODS, fitting_methods, refusals
from analysis.attribution.method import FAMILIES
from app.attributions import DEFAULT_METHODS


@dataclass(frozen=True)
class MethodChoice:
    """The placed boxes, a group for each family, and the line that says what is not offered."""

    groups: tuple[gr.CheckboxGroup, ...]
    left_out: gr.HTML

    @property
    def parts(self) -> list[gr.components.Component]:
        return [*self.groups, self.left_out]

    def fitted(self, config: Any, chosen: Sequence[str]) -> dict:
        """The boxes that a model of this configuration has, those of `chosen` ticked."""
        fitting = fitting_methods(config)
        updates = {}
        for group, family in zip(self.groups, FAMILIES, strict=True):
            choices = _choices(family, fitting)
            updates[group] = gr.CheckboxGroup(
                choices,
                value=[name for _, name in choices if name in chosen],
                visible=bool(choices),
            )
        return {**updates, self.left_out: left_out_line(config)}


def build_method_choice() -> MethodChoice:
    """Place the boxes of all methods; a model shows which of them it has."""
    groups = []
    with gr.Row(elem_classes="method-row"):
        for family in FAMILIES:
            choices = _choices(family, tuple(METHODS))
            groups.append(
                gr.CheckboxGroup(
                    choices,
                    value=[name for _, name in choices if name in DEFAULT_METHODS],
                    label=family.capitalize(),
                    elem_id=f"methods-{family.replace(' ', '-')}",
                    elem_classes="method-group",
                    min_width=80,
                )
            )
    left_out = gr.HTML("", elem_id="methods-left-out", apply_default_css=False)
    return MethodChoice(tuple(groups), left_out)


def ticked_methods(groups: Sequence[Sequence[str]]) -> list[str]:
    """Names of the ticked boxes of all groups."""
    ticked = {name for group in groups for name in group}
    return [name for name in METHODS if name in ticked]


def left_out_line(config: Any) -> str:
    """Which methods this model has no boxes of, and why; nothing where it has all."""
    return "".join(
        f'<p class="methods-left-out">Not offered for this model: '
        f"{escape('; '.join(METHODS[name].title for name in refusal.methods))}. "
        f"{escape(refusal.reason)}</p>"
        for refusal in refusals(config)
    )


def _choices(family: str, names: Sequence[str]) -> list[tuple[str, str]]:
    return [(METHODS[name].title, name) for name in names if METHODS[name].family == family]
