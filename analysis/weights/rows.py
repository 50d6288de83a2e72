"""The catalogue as rows, for the command line and the API."""

import json
from dataclasses import fields
from functools import lru_cache

import torch

from analysis.models import create_model, list_models, model_config
from analysis.weights.card import WeightsCard
from analysis.weights.catalogue import list_weights


def weights_rows() -> list[dict]:
    """A row per set of weights: name, family, trained, scan_order, parameters and what it is.

    `parameters` is None for weights whose architecture is not built here.
    """
    return [_row(card) for card in list_weights()]


def _row(card: WeightsCard) -> dict:
    return {
        "name": card.name,
        "family": card.family,
        "trained": card.training != "untrained",
        "scan_order": card.scan_order,
        "parameters": parameter_count(card) if card.architecture in list_models() else None,
        "training": card.training,
        "data": card.data,
        "num_frames": card.num_frames,
        "image_size": card.image_size,
        "reported_accuracy": card.reported_accuracy,
        "accuracy_note": card.accuracy_note,
        "licence": card.licence,
        "note": card.note,
    }


def parameter_count(card: WeightsCard) -> int:
    """Number of parameters of the model that a card's weights fit."""
    return _parameter_count(card.architecture, json.dumps(dict(card.overrides), sort_keys=True))


@lru_cache(maxsize=256)
def _parameter_count(architecture: str, overrides: str) -> int:
    """The layers of a deep model are alike, so that two shallow ones tell what it has, sooner."""
    options = json.loads(overrides)
    config = model_config(architecture, **options)
    if "depth" not in {field.name for field in fields(config)}:
        return _count(architecture, options)
    depth = config.depth
    one, two = (_count(architecture, options | {"depth": layers}) for layers in (1, 2))
    return one + (depth - 1) * (two - one)


def _count(architecture: str, options: dict) -> int:
    with torch.device("meta"):
        model = create_model(architecture, **options)
    return sum(parameter.numel() for parameter in model.parameters())
