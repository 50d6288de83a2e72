"""The effective receptive field over the frames, and what it says."""

from html import escape

import numpy as np

from analysis.attribution.memory.receptive_field import ReceptiveField
from app.figures.evidence import frames_in_words
from app.figures.film import evenly, picture
from app.figures.heat import overlaid
from app.figures.layer_sentences import subject_words
from app.figures.number_format import THIN_SPACE, percent
from app.receptive_fields import Fields

_MOST_FRAMES = 8
_SIDE = 96
_AREA = 0.5
"""The share of the gradient whose area stands in words."""


def no_field_view(sentence: str) -> str:
    """The place of the picture while there is none."""
    return f'<div class="field-view"><div class="field-empty">{escape(sentence)}</div></div>'


def field_view(fields: Fields) -> str:
    """A row of frames under the heat, for the model and for its architecture untrained."""
    rows = [_row(fields, fields.model, fields.own)]
    if fields.untrained is not None:
        rows.append(_row(fields, "the same, untrained", fields.untrained))
    return f'<div class="field-view">{"".join(rows)}</div>'


def field_sentence(fields: Fields) -> str:
    """How much of the clip matters to the token, where, and what training changed."""
    grid, own = fields.grid, fields.own
    who = subject_words(fields.subject, grid, fields.readout, fields.tubelet)
    words = [
        f"Half of what moves the final features of {who} lies in {percent(own.area[_AREA])} of the "
        f"pixels, {_whole(0.99)} in {percent(own.area[0.99])}."
    ]
    shares = frame_shares(own)
    if len(shares) > 1:
        most = int(shares.argmax())
        words.append(
            f"Frame {most + 1} holds the most, {percent(float(shares[most]))}; all before it "
            f"{percent(float(shares[:most].sum()))}, all after it "
            f"{percent(float(shares[most + 1 :].sum()))}."
        )
    if fields.untrained is not None:
        before, after = fields.untrained.area[_AREA], own.area[_AREA]
        change = "widened" if after > before else "narrowed"
        words.append(
            f"Training {change} it: without, half lies in {percent(before)} of the pixels."
        )
    return " ".join(words)


def frame_shares(field: ReceptiveField) -> np.ndarray:
    """(T,) shares of the frames in the whole field; they sum to 1."""
    frames = _frames(field.pixels.double().numpy()).sum((1, 2))
    return frames / (frames.sum() or 1.0)


def _row(fields: Fields, name: str, field: ReceptiveField) -> str:
    count = len(fields.frames)
    heat = overlaid(fields.frames, _frames(field.display.numpy()), signed=False)
    shares = frame_shares(field)
    tiles = "".join(
        f"<figure>{picture(heat[at], _SIDE, f'Frame {at + 1}')}"
        f"<figcaption>{frames_in_words(at, at, 1)}<b>{percent(float(shares[at]))}</b></figcaption>"
        "</figure>"
        for at in evenly(count, _MOST_FRAMES)
    )
    areas = ", ".join(
        f"{_whole(share)} of it in {percent(area)}" for share, area in field.area.items()
    )
    return (
        f'<h4 class="figure-title">{escape(name)}</h4><div class="field-tiles">{tiles}</div>'
        f'<p class="field-areas">Of the pixels: {areas}</p>'
    )


def _frames(values: np.ndarray) -> np.ndarray:
    """(T, H, W), one frame for image models."""
    return values if values.ndim == 3 else values[None]


def _whole(share: float) -> str:
    return f"{100 * share:.0f}{THIN_SPACE}%"
