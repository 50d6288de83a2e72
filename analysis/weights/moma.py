"""MoMa with its parameters in place: the frozen tower from any CLIP file, the rest from its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor

from analysis.models import create_model, list_models, model_config
from analysis.models.moma import Moma
from analysis.weights.card import WeightsError
from analysis.weights.clip import fitted_clip_tensors, stated_fields
from analysis.weights.clip_layouts import tower_tensors
from analysis.weights.fitting import load_state_dict_with_report
from analysis.weights.named_tensors import named_tensors

FAMILY = "moma"
TOWER = "tower."


def load_moma(
    architecture: str,
    *,
    clip: str | Path | None = None,
    own: str | Path | None = None,
    **overrides: Any,
) -> Moma:
    """A MoMa with the tensors of files or weights names, in evaluation mode.

    `clip` has the frozen tower, in any layout that `load_clip_tower` reads; position tables of
    another resolution are resized bicubically, and heads and activation are those that a file
    beside it states. `own` has what `own_tensors` gives, or a whole MoMa,
    whose tower then serves unless `clip` is given; a temporal embedding of other frames is resized
    linearly. What neither has keeps its fresh values: without `clip` the tower, without `own` the
    modulators, which then do nothing, and the head. `overrides` are fields of `MomaConfig`.

    Raises WeightsError, one sentence, for files that cannot be read, tensors that do not fit and
    sizes a model cannot have.
    """
    if architecture not in list_models(FAMILY):
        known = ", ".join(list_models(FAMILY))
        raise WeightsError(f"{architecture} is no MoMa; choose one of {known}.")
    model = _fresh(architecture, clip, overrides)
    tower, rest = _parted(model.state_dict())
    if own is not None:
        kept, rest = _parted(named_tensors(str(own)))
        tower = kept or tower
    if clip is not None:
        fitted = fitted_clip_tensors(tower_tensors(named_tensors(str(clip))), model.tower)
        tower = {TOWER + key: value for key, value in fitted.items()}
    load_state_dict_with_report(model, {**tower, **rest})
    return model.eval()


def _fresh(architecture: str, clip: str | Path | None, overrides: dict[str, Any]) -> Moma:
    try:
        config = model_config(architecture, **overrides)
        if clip is not None and Path(clip).is_file():
            stated = stated_fields(Path(clip).parent, config.width)
            overrides = {**overrides, "tower": replace(config.tower, **stated)}
        return create_model(architecture, **overrides)
    except ValueError as error:
        raise WeightsError(str(error)) from error


def own_tensors(model: Moma) -> dict[str, Tensor]:
    """All that a MoMa has beside the frozen tower: modulators, moments and head."""
    return _parted(model.state_dict())[1]


def _parted(state: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The tensors of the tower, and all others."""
    tower = {key: value for key, value in state.items() if key.startswith(TOWER)}
    return tower, {key: value for key, value in state.items() if key not in tower}
