"""Which pixels a token's final features depend on, beside the same model before any training."""

from dataclasses import dataclass, replace

import numpy as np

from analysis.attribution.exact.token_map import Subject
from analysis.attribution.memory.receptive_field import ReceptiveField, receptive_field
from analysis.layers.token_grid import TokenGrid
from analysis.tracing.opened_models import traced_grid
from analysis.tracing.token_positions import token_index
from analysis.weights import list_weights, weights_card
from app.opened_models import traced_config
from app.selection import Selection
from app.session import Session

PASSES = 8
"""Forward passes that a field costs about: there and back, in two models."""


@dataclass(frozen=True, eq=False)
class Fields:
    """The field of one token on one clip.

    untrained: of the same architecture with random weights; None where that is what was asked, or
    where there is none. frames: uint8 (T, H, W, 3), what the model was shown.
    """

    model: str
    subject: Subject
    own: ReceptiveField
    untrained: ReceptiveField | None
    frames: np.ndarray
    grid: TokenGrid
    readout: str
    tubelet: int


def receptive_fields(session: Session, selection: Selection, subject: Subject) -> Fields:
    """The fields of what is asked about: of a frame its middle patch, of a mean the middle of all.

    Raises VideoError and WeightsError.
    """
    config = traced_config(selection, "The receptive field")
    grid = traced_grid(config)
    readout = config.readout if grid.class_tokens else "mean"
    token = _token(subject, grid, readout)
    untrained = _untrained(selection)
    return Fields(
        model=selection.model,
        subject=subject if subject.kind == "token" else Subject("token", token),
        own=_field(session, selection, token),
        untrained=untrained and _field(session, untrained, token),
        frames=session.sampled(selection).pixels,
        grid=grid,
        readout=readout,
        tubelet=selection.tubelet(grid),
    )


def fields_ms(session: Session, selection: Selection) -> float:
    """About how long it takes."""
    return PASSES * session.estimate_ms(selection)


def _field(session: Session, selection: Selection, token: int) -> ReceptiveField:
    with session.loaded(selection) as loaded:
        clip = session.sampled(selection, loaded).clip
        image = loaded.model.config.num_frames is None
        return receptive_field(loaded.model, [clip[:, 0] if image else clip], token)


def _token(subject: Subject, grid: TokenGrid, readout: str) -> int:
    if subject.kind == "token":
        return subject.index
    if subject.kind == "readout" and readout == "cls":
        return 0
    frame = subject.index if subject.kind == "frame" else grid.t // 2
    return token_index(grid, frame, grid.h // 2, grid.w // 2)


def _untrained(selection: Selection) -> Selection | None:
    name = f"{weights_card(selection.model).architecture}.untrained"
    if name == selection.model or name not in {card.name for card in list_weights()}:
        return None
    return replace(selection, model=name)
