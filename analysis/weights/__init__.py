"""Weights: what checkpoints exist, and models with their parameters in place.

``list_weights`` and ``load_model`` are all that most callers need.
"""

from analysis.weights.card import WeightsCard, WeightsError
from analysis.weights.catalogue import list_weights, weights_card
from analysis.weights.fitting import LoadReport, ResizedTensor, load_state_dict_with_report
from analysis.weights.loading import (
    LoadedModel,
    ModelPlan,
    can_classify,
    load_model,
    plan_model,
    weights_hash,
)
from analysis.weights.reading import read_checkpoint

__all__ = [
    "LoadReport",
    "LoadedModel",
    "ModelPlan",
    "ResizedTensor",
    "WeightsCard",
    "WeightsError",
    "can_classify",
    "list_weights",
    "load_model",
    "load_state_dict_with_report",
    "plan_model",
    "read_checkpoint",
    "weights_card",
    "weights_hash",
]
