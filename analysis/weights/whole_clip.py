"""Both towers of CLIP with their parameters in place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from analysis.models import create_model
from analysis.models.clip import Clip
from analysis.weights.card import WeightsError
from analysis.weights.clip import fitted_clip_tensors
from analysis.weights.clip_layouts import whole_clip_tensors
from analysis.weights.fitting import load_state_dict_with_report
from analysis.weights.named_tensors import named_tensors


def load_clip(source: str | Path, architecture: str = "clip_b16", **overrides: Any) -> Clip:
    """A CLIP with the tensors of a checkpoint file or a weights name, in evaluation mode.

    By the names of OpenAI, open_clip or `transformers`; `overrides` are fields of `ClipConfig`. A
    position table of pictures of another resolution is resized bicubically.

    Raises WeightsError, one sentence, for files that cannot be read and tensors that do not fit.
    """
    try:
        model = create_model(architecture, **overrides)
    except ValueError as error:
        raise WeightsError(str(error)) from error
    state = whole_clip_tensors(named_tensors(str(source)))
    place = "visual."
    tower = {key.removeprefix(place): x for key, x in state.items() if key.startswith(place)}
    fitted = fitted_clip_tensors(tower, model.visual)
    state |= {place + key: value for key, value in fitted.items()}
    load_state_dict_with_report(model, state)
    return model.eval()
