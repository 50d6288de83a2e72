"""What Hidden states is asked about: what was clicked on, else what a model is asked at first."""

from collections.abc import Mapping
from dataclasses import dataclass

import gradio as gr

from analysis.attribution.exact.token_map import Subject
from analysis.layers.token_grid import TokenGrid
from analysis.tracing.token_positions import token_index

KINDS = ("token", "frame", "readout")


@dataclass(frozen=True)
class Picked:
    """What was clicked: a patch, counted without CLS so that it is the same one in every model, a
    time step, or the read-out."""

    kind: str
    index: int


def picked(event: gr.EventData) -> Picked | None:
    """What was clicked on in the picture; None for other events and for what makes no sense."""
    data = event._data if isinstance(event._data, Mapping) else {}
    kind, index = data.get("kind"), data.get("index")
    return Picked(kind, index) if kind in KINDS and isinstance(index, int) else None


def subject_of(chosen: Picked | None, grid: TokenGrid) -> Subject:
    """The subject in a model's scans; the first one where nothing there was chosen."""
    if chosen is not None:
        before = grid.class_tokens if chosen.kind == "token" else 0
        subject = Subject(chosen.kind, chosen.index + before)
        if chosen.index >= 0 and subject.fits(grid):
            return subject
    return _first(grid)


def _first(grid: TokenGrid) -> Subject:
    """The read-out; without CLS, where the head reads nothing off the scans, the middle patch."""
    if grid.class_tokens:
        return Subject("readout")
    return Subject("token", token_index(grid, grid.t // 2, grid.h // 2, grid.w // 2))
