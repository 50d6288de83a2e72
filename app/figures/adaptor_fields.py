"""Effective receptive fields with and without adaptors, one row of frames each."""

from collections.abc import Mapping

import numpy as np

from analysis.attribution.memory.receptive_field import ReceptiveField
from app.figures.evidence import frames_in_words
from app.figures.film import evenly, picture
from app.figures.heat import overlaid
from app.figures.number_format import percent
from app.figures.receptive_field import frame_shares

FIELD_NAMES = {
    "none": "The host alone",
    "memory": "With memory, Adaptor-T",
    "convolutions": "With convolutions, Adaptor-S",
    "both": "With both",
}
"""Of the variants of `analysis.adaptation.adaptor_fields`."""
_MOST_FRAMES = 8
_SIDE = 96
_AREA = 0.5


def fields_view(fields: Mapping[str, ReceptiveField], frames: np.ndarray) -> str:
    """A row per variant; frames uint8 (T, H, W, 3), what the model was shown."""
    rows = "".join(_row(FIELD_NAMES[name], one, frames) for name, one in fields.items())
    return f'<div class="field-view">{rows}</div>'


def fields_sentence(fields: Mapping[str, ReceptiveField], who: str) -> str:
    """In how much of the clip half of each field lies."""
    areas = ", ".join(f"{percent(one.area[_AREA])} {_SHORT[name]}" for name, one in fields.items())
    host, both = fields["none"].area[_AREA], fields["both"].area[_AREA]
    if both == host:
        change = "with both the field is as wide as the host's"
    else:
        change = f"with both the field is {'wider' if both > host else 'narrower'} than the host's"
    return (
        f"Half of what moves the final features of {who} lies in {areas} of the pixels: {change}."
    )


_SHORT = {
    "none": "(host alone)",
    "memory": "(with memory)",
    "convolutions": "(with convolutions)",
    "both": "(with both)",
}


def _row(name: str, field: ReceptiveField, frames: np.ndarray) -> str:
    heat = overlaid(frames, field.display.numpy(), signed=False)
    shares = frame_shares(field)
    tiles = "".join(
        f"<figure>{picture(heat[at], _SIDE, f'{name}, frame {at + 1}')}"
        f"<figcaption>{frames_in_words(at, at, 1)}<b>{percent(float(shares[at]))}</b></figcaption>"
        "</figure>"
        for at in evenly(len(frames), _MOST_FRAMES)
    )
    areas = ", ".join(f"{100 * share:.0f} % in {percent(at)}" for share, at in field.area.items())
    return (
        f'<h4 class="figure-title">{name}</h4><div class="field-tiles">{tiles}</div>'
        f'<p class="field-areas">Of the field, by pixels: {areas}</p>'
    )
