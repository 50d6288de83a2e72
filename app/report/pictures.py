"""The clip as the model sees it, heat over it, and plots, as pictures that lie inside the file."""

from collections.abc import Sequence
from html import escape

import numpy as np
import plotly.graph_objects as go

from analysis.prediction import SampledClip
from app.figures.evidence import Map, evidence_by_step, frames_in_words, grid_values, step_words
from app.figures.film import evenly, picture
from app.figures.number_format import THIN_SPACE, clock
from app.figures.overlay_files import overlay_values
from app.figures.static_plot import static_plot

_FRAME_SIDE, _TILE_SIDE = 144, 112
MOST_FRAMES = 64
MOST_TILES = 8
"""Pictures under one map; longer clips show as many, evenly spread."""


def heading(words: str) -> str:
    """Over a part of a section."""
    return f"<h3>{escape(words)}</h3>"


def plot(title: str, figure: go.Figure) -> str:
    """A plot of the page, standing still under its title."""
    return (
        f'<figure class="report-plot"><h4 class="figure-title">{escape(title)}</h4>'
        f"{static_plot(figure, title)}</figure>"
    )


def film_strip(sampled: SampledClip) -> str:
    """The sampled frames with their numbers and times, in the order the model reads them."""
    count = len(sampled.pixels)
    figures = (
        f"<figure>{picture(sampled.pixels[at], _FRAME_SIDE, f'Frame {at + 1}')}<figcaption>"
        f"<b>{at + 1}</b> {clock(sampled.frame_times_s[at])}{THIN_SPACE}s</figcaption></figure>"
        for at in evenly(count, MOST_FRAMES)
    )
    return f'<div class="film-pictures">{"".join(figures)}</div>'


def map_pictures(sampled: SampledClip, one: Map, tubelet: int) -> str:
    """The first frame of each time step under the heat of a map, and what each step holds.

    Of a single step there is nothing to compare, so no bars stand under it.
    """
    several = one["grid"][0] > 1
    bars = _step_bars(evidence_by_step(one), tubelet, one["signed"]) if several else ""
    return heat_tiles(sampled, grid_values(one), tubelet, one["signed"]) + bars


def heat_tiles(sampled: SampledClip, values: np.ndarray, tubelet: int, signed: bool = False) -> str:
    """The first frame of each time step under the heat of values (t, h, w)."""
    tiles, steps = overlay_values(sampled.pixels, values, _TILE_SIDE, signed), len(values)
    chosen = evenly(steps, MOST_TILES)
    figures = "".join(
        f"<figure>{picture(tiles[step * len(tiles) // steps], _TILE_SIDE, words)}"
        f"<figcaption>{escape(words)}</figcaption></figure>"
        for step, words in ((step, frames_in_words(step, step, tubelet)) for step in chosen)
    )
    return f'<div class="map-tiles" style="--columns: {len(chosen)}">{figures}</div>'


def _step_bars(steps: Sequence[tuple[float, float]], tubelet: int, signed: bool) -> str:
    """A bar up for what speaks for the class in a time step, down for what speaks against it."""
    tallest = max([supporting for supporting, _ in steps] + [1e-9])
    deepest = max(opposing for _, opposing in steps) if signed else 0.0
    unit = 100 / (tallest + deepest)
    bars = "".join(
        f'<span class="map-bars" title="{step_words(step, *shares, tubelet, signed)}">'
        f'<i class="for" style="--p: {shares[0] * unit:.2f}"></i>'
        f'<i class="against" style="--p: {shares[1] * unit:.2f}"></i></span>'
        for step, shares in enumerate(steps)
    )
    return (
        f'<div class="map-step-bars" aria-hidden="true" style="--columns: {len(steps)}; '
        f'--zero: {deepest * unit:.2f}%">{bars}</div>'
    )
