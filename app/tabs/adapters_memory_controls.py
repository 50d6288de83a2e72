"""The switches of the small Mamba-Adaptor in Adapters."""

from dataclasses import dataclass
from functools import partial

import gradio as gr

from app.adaptor_models import MOST_STRENGTH, adaptor_choices, first_strength
from app.tabs.adapters_switches import Switches, menu, strength_slider

_menu = partial(menu, "memory")

_PARTS = (("Both", "both"), ("Memory only, T", "memory"), ("Convolutions only, S", "convolutions"))
_SELECTIONS = (
    ("Predicted from the token", "predicted"),
    ("Learned, the same for all", "learned"),
    ("Static, as at the start", "static"),
)
_COEFFICIENTS = (("Predicted", "predicted"), ("Uniform, 1/K", "uniform"))
_RANGES = (("Any token", "all"), ("The past only", "past"))
_LOCATIONS = (("On the sequence", "sequence"), ("On the grid, in the frame", "grid"))
_DILATIONS = (("1, 2, 3", "1, 2, 3"), ("1", "1"), ("1, 2", "1, 2"), ("1, 2, 3, 4", "1, 2, 3, 4"))
_SHARES = (("Each layer its own", "none"), ("One for all layers", "all"))
_DIRECTIONS = (("Share one memory", True), ("Each its own memory", False))


@dataclass(frozen=True)
class MemoryControls(Switches):
    """The placed switches, in the order of the arguments of `adaptor_setting`."""

    adaptors: gr.Dropdown
    strength: gr.Slider
    parts_in_use: gr.Dropdown
    selection: gr.Dropdown
    coefficients: gr.Dropdown
    memory_range: gr.Dropdown
    locations: gr.Dropdown
    sequences: gr.Dropdown
    places: gr.Dropdown
    dilations: gr.Dropdown
    share: gr.Dropdown
    share_directions: gr.Dropdown


def build_memory_controls() -> MemoryControls:
    """Place the switches, set as by default and with the first trained adaptors there are."""
    choices = adaptor_choices()
    first = choices[0][1]
    with gr.Row(elem_classes="adapter-switches"):
        return MemoryControls(
            adaptors=_menu(choices, first, "Adaptors", "adaptors"),
            strength=strength_slider(
                "memory", MOST_STRENGTH, first_strength(first), "Gamma (strength)"
            ),
            parts_in_use=_menu(_PARTS, "both", "Take part", "parts"),
            selection=_menu(_SELECTIONS, "predicted", "Places", "selection"),
            coefficients=_menu(_COEFFICIENTS, "predicted", "Coefficients", "coefficients"),
            memory_range=_menu(_RANGES, "all", "Memory of", "range"),
            locations=_menu(_LOCATIONS, "sequence", "Places lie", "locations"),
            sequences=_menu(_counts(1, 2, 4, 8), 4, "Sequences S", "sequences"),
            places=_menu(_counts(1, 2, 4, 8, 16), 4, "Places K", "places-each"),
            dilations=_menu(_DILATIONS, "1, 2, 3", "Dilations", "dilations"),
            share=_menu(_SHARES, "none", "Sharing", "share"),
            share_directions=_menu(_DIRECTIONS, True, "Directions", "directions"),
        )


def fitting_strength(controls: MemoryControls, adaptors: str) -> dict:
    """What the strength becomes when other adaptors are chosen."""
    return {controls.strength: gr.Slider(value=first_strength(adaptors))}


def _counts(*numbers: int) -> list[tuple[str, int]]:
    return [(str(number), number) for number in numbers]
