"""The clip as the model sees it, and heat over it, as pictures that lie inside the file."""

from collections.abc import Sequence
from html import escape

from analysis.prediction import SampledClip
from app.figures.evidence import Map, evidence_by_step, frames_in_words, step_words
from app.figures.film import evenly, picture
from app.figures.number_format import THIN_SPACE, clock
from app.figures.overlay_files import overlay_tiles

_FRAME_SIDE, _TILE_SIDE = 144, 112
MOST_FRAMES = 64
MOST_TILES = 8
"""Pictures under one map; longer clips show as many, evenly spread."""


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
    tiles = overlay_tiles(sampled.pixels, one, _TILE_SIDE)
    steps = one["grid"][0]
    chosen = evenly(steps, MOST_TILES)
    figures = "".join(
        f"<figure>{picture(tiles[step * len(tiles) // steps], _TILE_SIDE, words)}"
        f"<figcaption>{escape(words)}</figcaption></figure>"
        for step, words in ((step, frames_in_words(step, step, tubelet)) for step in chosen)
    )
    bars = _step_bars(evidence_by_step(one), tubelet, one["signed"]) if steps > 1 else ""
    return f'<div class="map-tiles" style="--columns: {len(chosen)}">{figures}</div>{bars}'


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
