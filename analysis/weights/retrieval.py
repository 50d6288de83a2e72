"""Video-text models with their parameters in place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from analysis.models import list_models, model_config
from analysis.models.clip_tower import ClipTowerConfig
from analysis.models.videomamba_retrieval import RetrievalConfig, VideoMambaRetrieval
from analysis.text.word_pieces import WordPieces, find_vocabulary, read_vocabulary
from analysis.weights.card import WeightsCard, WeightsError
from analysis.weights.catalogue import list_weights, weights_card
from analysis.weights.clip import fitted_clip_tensors
from analysis.weights.fitting import load_state_dict_with_report
from analysis.weights.hub import Progress, fetch_checkpoint
from analysis.weights.loading import LoadedModel, checked_hash, initial_model, weights_hash
from analysis.weights.reading import read_checkpoint

FAMILY = "videomamba_retrieval"
_TEXT, _BERT, _WORDS, _TEACHER = (
    "text_encoder.",
    "text_encoder.bert.",
    "text_encoder.cls.",
    "clip_teacher.",
)
_PREDICTIONS = f"{_WORDS}predictions."


def list_retrieval_models() -> tuple[WeightsCard, ...]:
    """The video-text models among all weights, in their order."""
    return tuple(card for card in list_weights() if card.architecture in list_models(FAMILY))


def load_retrieval_model(
    name: str,
    *,
    num_frames: int | None = None,
    image_size: int | None = None,
    scan_order: str | None = None,
    masked_words: bool = False,
    teacher: bool = False,
    weights_file: str | Path | None = None,
    progress: Progress | None = None,
) -> LoadedModel:
    """The video-text model of the weights called ``name``, in evaluation mode; it has no labels.

    Text encoders are known with and without the level ``bert.`` in their names. The parts of
    pretraining, the head for masked words and the CLIP teacher, are loaded if asked for and else
    reported as dropped. Other options as for ``load_model``.

    Raises WeightsError, one sentence, for unknown names, weights of another family, files that
    cannot be fetched or read, tensors that do not fit, and sizes the model cannot have.
    """
    card = weights_card(name)
    if card.architecture not in list_models(FAMILY):
        known = ", ".join(model.name for model in list_retrieval_models())
        raise WeightsError(f"{name} is no video-text model; choose {known}.")
    path = Path(weights_file) if weights_file else fetch_checkpoint(card, progress)
    content_hash = weights_hash(card, path) if weights_file else checked_hash(card, path)
    state = read_checkpoint(path)
    form = {"masked_words": masked_words, "teacher": _teacher(card) if teacher else None}
    formed = replace(card, overrides={**card.overrides, **form})
    model = initial_model(formed, num_frames, image_size, scan_order)
    tensors = retrieval_tensors(state, model)
    report = load_state_dict_with_report(model, tensors, trunk="vision_encoder")
    left_out = tuple(key for key in state if _part_left_out(key, model.config))
    return LoadedModel(
        model=model.eval(),
        card=card,
        labels=(),
        preprocessing=replace(card.preprocessing, image_size=model.config.image_size),
        report=replace(report, dropped=(*report.dropped, *left_out)),
        content_hash=content_hash,
    )


def word_pieces_of(card: WeightsCard, source: str | Path | None = None) -> WordPieces:
    """What turns texts into the numbers that the weights of a card read.

    From the file `source` if given, else of the weights' own words, else BERT's, see
    `find_vocabulary`. Raises VocabularyError, one sentence, for a file that is none.
    """
    if card.word_pieces and source is None:
        return WordPieces(card.word_pieces)
    return WordPieces(read_vocabulary(find_vocabulary(source)))


def retrieval_tensors(state: Mapping[str, Tensor], model: VideoMambaRetrieval) -> dict[str, Tensor]:
    """The tensors of a video-text model by the names of ``model``, without parts it lacks.

    Names of the text encoder get or lose the level ``bert.``; tensors that others repeat (tied
    words, position numbers) are filled in where a file leaves them out; a teacher is made to fit.
    Raises WeightsError when the tensors are of no such model.
    """
    if not any(key.startswith("vision_encoder.") for key in state):
        raise WeightsError(
            "The checkpoint holds no video-text model: no name begins with vision_encoder."
        )
    config = model.config
    level = _BERT if config.masked_words else _TEXT
    tensors = {
        _named(key, level): value for key, value in state.items() if not _part_left_out(key, config)
    }
    tensors.setdefault(f"{level}embeddings.position_ids", torch.arange(config.text.positions)[None])
    if config.masked_words:
        _fill_tied(tensors)
    if config.teacher is not None:
        _fit_teacher(tensors, model)
    return tensors


def _teacher(card: WeightsCard) -> ClipTowerConfig:
    """The tower that a model is pretrained with."""
    pretrained = f"{card.architecture}_pretrain"
    if pretrained not in list_models(FAMILY):
        raise WeightsError(f"{card.name} has no teacher; load it without one.")
    return model_config(pretrained, **card.overrides).teacher


def _part_left_out(key: str, config: RetrievalConfig) -> bool:
    """Whether a tensor belongs to a part of pretraining that the model does not have."""
    words = key.startswith(_WORDS) and not config.masked_words
    return words or (key.startswith(_TEACHER) and config.teacher is None)


def _named(key: str, level: str) -> str:
    if not key.startswith(_TEXT) or key.startswith(_WORDS):
        return key
    return level + key.removeprefix(_BERT).removeprefix(_TEXT)


def _fill_tied(tensors: dict[str, Tensor]) -> None:
    """Words as directions and their bias go by two names each."""
    for name, other in (
        (f"{_PREDICTIONS}decoder.weight", f"{_BERT}embeddings.word_embeddings.weight"),
        (f"{_PREDICTIONS}decoder.bias", f"{_PREDICTIONS}bias"),
    ):
        if other in tensors:
            tensors.setdefault(name, tensors[other])


def _fit_teacher(tensors: dict[str, Tensor], model: VideoMambaRetrieval) -> None:
    inside = {
        key.removeprefix(_TEACHER): tensors.pop(key)
        for key in list(tensors)
        if key.startswith(_TEACHER)
    }
    fitted = fitted_clip_tensors(inside, model.clip_teacher)
    tensors.update({_TEACHER + key: value for key, value in fitted.items()})
