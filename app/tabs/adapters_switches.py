"""What the switches of both halves of Adapters have in common."""

from dataclasses import dataclass

import gradio as gr


@dataclass(frozen=True)
class Switches:
    """Base of the placed switches: fields in the order in which their values are taken.

    The first field chooses weights, after which other switches move too; `strength` is a slider.
    """

    @property
    def parts(self) -> list[gr.components.Component]:
        """What to list as inputs."""
        return list(vars(self).values())

    @property
    def moved(self) -> list:
        """The events after which the model is another one, the choice of weights apart."""
        _, *others = self.parts
        menus = [part for part in others if part is not self.strength]
        return [self.strength.release, *(menu.input for menu in menus)]


def menu(half: str, choices: list | tuple, value: object, label: str, name: str) -> gr.Dropdown:
    """A menu of one half, "moma" or "memory"."""
    return gr.Dropdown(
        list(choices),
        value=value,
        label=label,
        filterable=False,
        elem_id=f"adapters-{half}-{name}",
    )


def strength_slider(half: str, most: float, value: float, label: str) -> gr.Slider:
    """From nothing to `most`."""
    return gr.Slider(*(0, most, value), step=0.05, label=label, elem_id=f"adapters-{half}-strength")
