"""CLIP's visual tower with its parameters in place."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from analysis.models import create_model
from analysis.models.clip_tower import ClipTower
from analysis.weights.card import WeightsError
from analysis.weights.conversion import inflate_kernel, resize_pos_embed, square_grid
from analysis.weights.fitting import load_state_dict_with_report
from analysis.weights.initial import initial_tensors

STEM = "conv1.weight"
TABLE = "positional_embedding"
# Where the tower stands in a whole CLIP, and in the published video-text checkpoints.
_PLACES = ("visual.", "clip_teacher.")


def load_clip_tower(
    source: str | Path, architecture: str = "clip_tower_b16", **overrides: Any
) -> ClipTower:
    """A tower with the tensors of a checkpoint file or a weights name, in evaluation mode.

    They are the tower alone, a whole CLIP or a model trained with the tower as its teacher, by
    CLIP's own parameter names. A stem for images gets a time axis, a position table of another
    resolution is resized bicubically; `overrides` are fields of `ClipTowerConfig`.

    Raises WeightsError, one sentence, for files that cannot be read and tensors that do not fit.
    """
    try:
        tower = create_model(architecture, **overrides)
    except ValueError as error:
        raise WeightsError(str(error)) from error
    state = _tower_tensors(initial_tensors(str(source)))
    load_state_dict_with_report(tower, fitted_clip_tensors(state, tower))
    return tower.eval()


def fitted_clip_tensors(state: Mapping[str, Tensor], tower: ClipTower) -> dict[str, Tensor]:
    """The tensors of a tower, stem and position table made to fit another tower's sizes.

    What no rule fits stays as it is, for the loader to complain about.
    """
    fitted, grid = dict(state), tower.config.token_grid(tower.config.tubelet)
    stem, table = fitted.get(STEM), fitted.get(TABLE)
    if stem is not None:
        if stem.ndim == 5 and stem.shape[2] == 1:
            stem = stem[:, :, 0]
        if stem.ndim == 4:
            fitted[STEM] = inflate_kernel(stem, tower.config.tubelet)
    if table is not None and (source := square_grid(table[None])):
        fitted[TABLE] = resize_pos_embed(table[None], source, (grid.h, grid.w))[0]
    return {key: value.float() for key, value in fitted.items() if torch.is_tensor(value)}


def _tower_tensors(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    for place in _PLACES:
        inside = {k.removeprefix(place): v for k, v in state.items() if k.startswith(place)}
        if inside:
            return inside
    return dict(state)
