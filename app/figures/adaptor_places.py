"""The places that a token's memory reads, drawn on the clip's frames."""

import math
from html import escape

import numpy as np

from analysis.layers.token_grid import TokenGrid
from analysis.tracing.token_positions import token_position
from app.adaptor_runs import Report
from app.figures.evidence import frames_in_words
from app.figures.film import picture
from app.figures.number_format import compact, percent

SEQUENCE_COLORS = (
    *("#E69F00", "#56B4E9", "#009E73", "#F0E442"),
    *("#0072B2", "#D55E00", "#CC79A7", "#B0B0B0"),
)
"""Of memory sequences, the colours of Okabe and Ito; from the ninth on they come round again."""
_SIDE = 224
_LEAST, _MOST = 0.12, 0.46
"""Radius in tokens of a place with no weight and with all of its sequence's."""
_APART = 0.2
"""How far, in tokens, the sequences' marks stand from the middle of a token they share."""


def no_places_view(sentence: str) -> str:
    """The place of the picture while there is none."""
    return f'<div class="memory-places"><div class="field-empty">{escape(sentence)}</div></div>'


def places_view(look: Report, pixels: np.ndarray) -> str:
    """The first frame of each time step with a mark for every place that the token reads.

    pixels: uint8 (T, H, W, 3), what the model was shown. Colour: sequence; area: coefficient;
    discs are read by the forward scan, rings by the backward one.
    """
    if not look["places"]:
        return no_places_view(_nothing(look))
    grid = TokenGrid(*look["grid"])
    tiles = "".join(_tile(look, grid, step, pixels) for step in range(grid.t))
    return (
        f'<div class="memory-places">{_legend(look)}'
        f'<div class="memory-tiles">{tiles}</div>{_cls_line(look)}</div>'
    )


def _nothing(look: Report) -> str:
    if look["on_grid"] and look["token"] == 0:
        return "The CLS token stands nowhere on the grid and reads nothing there."
    return "Without Adaptor-T no token reads the state of another."


def _tile(look: Report, grid: TokenGrid, step: int, pixels: np.ndarray) -> str:
    frame = pixels[step * look["tubelet"]]
    marks = "".join(
        _mark(place, where, look)
        for place in look["places"]
        if (where := token_position(grid, place["token"])) is not None and where[0] == step
    )
    reader = token_position(grid, look["token"])
    square = ""
    if reader is not None and reader[0] == step:
        _, row, column = reader
        square = f'<rect x="{column}" y="{row}" width="1" height="1" class="memory-reader"/>'
    words = frames_in_words(step, step, look["tubelet"]).capitalize()
    count = marks.count("<circle")
    read = f"{count} place{'' if count == 1 else 's'}" if count else "no place"
    return (
        f'<figure><div class="memory-stage">{picture(frame, _SIDE, words)}'
        f'<svg viewBox="0 0 {grid.w} {grid.h}" role="img" '
        f'aria-label="{words}: {read} read">{square}{marks}</svg></div>'
        f"<figcaption>{words}<b>{read}</b></figcaption></figure>"
    )


def _mark(place: Report, where: tuple[int, int, int], look: Report) -> str:
    _, row, column = where
    sequences = look["sequences"]
    angle = 2 * math.pi * (place["sequence"] + 0.5) / sequences
    x = column + 0.5 + (_APART * math.cos(angle) if sequences > 1 else 0)
    y = row + 0.5 + (_APART * math.sin(angle) if sequences > 1 else 0)
    radius = _LEAST + (_MOST - _LEAST) * math.sqrt(place["coefficient"])
    color = SEQUENCE_COLORS[place["sequence"] % len(SEQUENCE_COLORS)]
    if place["direction"] == "forward":
        paint = f'fill="{color}" fill-opacity="0.85" stroke="#000" stroke-width="0.04"'
    else:
        paint = f'fill="none" stroke="{color}" stroke-width="0.13"'
    return (
        f'<circle cx="{x:.3f}" cy="{y:.3f}" r="{radius:.3f}" {paint}>'
        f"<title>{place_words(place)}</title></circle>"
    )


def place_words(place: Report) -> str:
    """Who reads a place, how much it counts, and how far along the scan it lies."""
    return (
        f"{place['direction'].capitalize()} scan, sequence {place['sequence'] + 1}: "
        f"{percent(place['coefficient'])}, {offset_words(place['offset'])}"
    )


def offset_words(offset: float) -> str:
    """Scan steps from the reader to a place."""
    if abs(offset) < 0.5:
        return "at the token itself"
    steps = compact(round(abs(offset), 1))
    return f"{steps} steps {'ahead' if offset > 0 else 'back'}"


def _legend(look: Report) -> str:
    names = "".join(
        f'<span><i style="background:{SEQUENCE_COLORS[s % len(SEQUENCE_COLORS)]}"></i>'
        f"sequence {s + 1}</span>"
        for s in range(look["sequences"])
    )
    return (
        f'<p class="memory-legend">{names}<span>\N{BLACK CIRCLE} forward scan</span>'
        "<span>\N{LARGE CIRCLE} backward scan</span><span>area: coefficient</span></p>"
    )


def _cls_line(look: Report) -> str:
    """Places at CLS, which stands on no frame."""
    at_cls = [place for place in look["places"] if place["token"] == 0]
    if not at_cls:
        return ""
    words = "; ".join(escape(place_words(place)) for place in at_cls)
    return f'<p class="field-areas">At the CLS token: {words}.</p>'
