"""Both towers of CLIP with their parameters in place."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from analysis.models import create_model
from analysis.models.clip import Clip, ClipConfig
from analysis.weights.card import WeightsError
from analysis.weights.clip import (
    TABLE,
    count_blocks,
    fitted_clip_tensors,
    required_tensor,
    stated_text_heads,
    told_config,
)
from analysis.weights.clip_layouts import whole_clip_tensors
from analysis.weights.fitting import load_state_dict_with_report
from analysis.weights.named_tensors import named_tensors

_PICTURES = "visual."


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
    return _filled(model, whole_clip_tensors(named_tensors(str(source))))


def told_clip(state: Mapping[str, Tensor], folder: Path) -> Clip:
    """A CLIP of whatever sizes with the tensors of a file in `folder`, in evaluation mode.

    Layouts as for `load_clip`. What tensors do not tell is read from beside the file, as for
    `analysis.weights.clip.read_clip_file`.

    Raises WeightsError, one sentence, for tensors that are missing or do not fit each other.
    """
    state = whole_clip_tensors(state)
    try:
        model = Clip(_told_config(state, folder))
    except ValueError as error:
        raise WeightsError(f"The CLIP can't be used: {error}.") from error
    return _filled(model, state)


def _told_config(state: Mapping[str, Tensor], folder: Path) -> ClipConfig:
    words, places = (required_tensor(state, key) for key in ("token_embedding.weight", TABLE))
    return ClipConfig(
        tower=told_config(_tower(state), folder),
        vocabulary_size=len(words),
        context_length=len(places),
        text_width=words.shape[1],
        text_layers=count_blocks(state),
        text_heads=stated_text_heads(folder, words.shape[1]),
    )


def _filled(model: Clip, state: Mapping[str, Tensor]) -> Clip:
    fitted = fitted_clip_tensors(_tower(state), model.visual)
    pictures = {_PICTURES + key: value for key, value in fitted.items()}
    load_state_dict_with_report(model, {**state, **pictures})
    return model.eval()


def _tower(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {k.removeprefix(_PICTURES): x for k, x in state.items() if k.startswith(_PICTURES)}
