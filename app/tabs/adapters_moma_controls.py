"""The switches of the small MoMa in Adapters."""

from dataclasses import dataclass
from functools import partial

import gradio as gr

from app.moma_models import (
    MOST_STRENGTH,
    SHOWN_FUSIONS,
    UNTRAINED,
    first_setting,
    setting_of,
    trained_momas,
)
from app.tabs.adapters_switches import Switches, menu, strength_slider

_menu = partial(menu, "moma")

_FUSIONS = {
    "seqmod": "SeqMod: y1 x + y2 + x",
    "add": "Add: x + y",
    "max": "Max of x and y",
    "concat": "Concat: W [x, y]",
    "adan": "AdaN: means of y1, y2",
    "adan_norm": "AdaN on a normalised x",
    "scale_only": "Scale only: y1 x + x",
    "bias_only": "Bias only: y2 + x",
    "no_skip": "No skip: y1 x + y2",
}
_WINDOWS = (
    ("4 \N{MULTIPLICATION SIGN} 4", "4"),
    ("2 \N{MULTIPLICATION SIGN} 2", "2"),
    ("Whole frame", "whole"),
    ("2 frames of 4 \N{MULTIPLICATION SIGN} 4", "3d"),
)
_SCANS = (
    ("Space and time first", "both"),
    ("Spatial first", "spatial_first"),
    ("Temporal first", "temporal_first"),
)
_DIRECTIONS = (("Both ways", "both"), ("Forward only", "forward"))
_PATTERNS = (
    ("In every layer, [TM]", "TM"),
    ("All after the tower", "T_then_M"),
    ("Half, then [TMM]", "half_TMM"),
    ("In pairs, [TTMM]", "TTMM"),
)
_CLS = (
    ("None", "drop"),
    ("One a frame, not read out", "frame"),
    ("One a frame, read out", "read_out"),
)


@dataclass(frozen=True)
class MomaControls(Switches):
    """The placed switches, in the order of the fields of `MomaSetting`."""

    weights: gr.Dropdown
    strength: gr.Slider
    fusion: gr.Dropdown
    window: gr.Dropdown
    scans: gr.Dropdown
    directions: gr.Dropdown
    pattern: gr.Dropdown
    cls: gr.Dropdown


def build_moma_controls() -> MomaControls:
    """Place the switches, set as published and with the first trained weights there are."""
    first = first_setting()
    weights = [(card.name, card.name) for card in trained_momas()]
    weights.append(("Untrained, seed 0", UNTRAINED))
    with gr.Row(elem_classes="adapter-switches"):
        return MomaControls(
            weights=_menu(weights, first.weights, "Scans", "weights"),
            strength=strength_slider(
                "moma", MOST_STRENGTH, first.strength, "Strength of what they say"
            ),
            fusion=_menu(
                [(_FUSIONS[name], name) for name in SHOWN_FUSIONS],
                first.fusion,
                "Fusion",
                "fusion",
            ),
            window=_menu(_WINDOWS, "4", "Window", "window"),
            scans=_menu(_SCANS, "both", "Scan orders", "scans"),
            directions=_menu(_DIRECTIONS, "both", "Directions", "directions"),
            pattern=_menu(_PATTERNS, "TM", "Where scans stand", "pattern"),
            cls=_menu(_CLS, "drop", "Class tokens", "cls"),
        )


def fitting_switches(controls: MomaControls, weights: str) -> dict:
    """What other switches become when other weights are chosen: as these were trained."""
    setting = setting_of(weights)
    return {
        controls.strength: gr.Slider(value=setting.strength),
        controls.fusion: gr.Dropdown(value=setting.fusion),
    }
